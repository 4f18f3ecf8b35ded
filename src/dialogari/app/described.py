"""Tools and MCP servers as JSON that people write: its fields, checked by name and type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from dialogari.tool import InvalidToolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Types = Mapping[str, type | tuple[type, ...]]


def read_fields(text: str, noun: str, types: Types, needed: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a JSON object, without those that are null.

    `noun`: what it describes, for people; `types`: of each field there may be, by its name;
    `needed`: those that may not be missing.

    Raises:
        InvalidToolError: it is no such object; the text says why.
    """
    try:
        found: object = json.loads(text)
    except ValueError as error:
        raise InvalidToolError(f"no JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidToolError(f"{noun} is written as a JSON object: {{…}}")
    fields = {k: v for k, v in cast("dict[str, Any]", found).items() if v is not None}
    for name in needed:
        if name not in fields:
            raise InvalidToolError(f"{name}: missing")
    for name, value in fields.items():
        if name not in types:
            raise InvalidToolError(f"{name}: there is no such field; there are {', '.join(types)}")
        if not isinstance(value, types[name]) or isinstance(value, bool):
            raise InvalidToolError(f"{name}: of the wrong type")
    return fields
