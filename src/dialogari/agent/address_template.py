"""A tool's address: `https://crm.example/customers/{number}?full=1`, filled in with arguments.

An argument stays where its place is: it is percent-encoded, and refused where it would climb out
of its segment of the path all the same. Scheme, host and port are the operator's alone. No I/O.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlencode, urlsplit

from yarl import URL

from dialogari.tool import InvalidToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACE: Final = re.compile(r"\{([A-Za-z0-9_.-]+)\}")
_LITERAL: Final = "%/:@!$&'()*+,;=~?[]"
"""What stands in an address as it is (RFC 3986), and the beginning of what is encoded already."""
_ODD: Final = re.compile(r"[\x00-\x20\x7f\\#]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_STEPS: Final = re.compile(r"[/\\]")


class ArgumentError(ValueError):
    """An argument can't be sent; the text is for the model."""


@dataclass(frozen=True, slots=True)
class AddressTemplate:
    """A tool's address, taken apart."""

    base: URL
    path: str
    query: str
    places: frozenset[str]
    """Arguments that stand in path or query."""

    @classmethod
    def parse(cls, text: str) -> AddressTemplate:
        """Take an address apart.

        Raises:
            InvalidToolError: tools can't have such an address; the text says why.
        """
        if _ODD.search(text):
            raise InvalidToolError("url: no blanks, backslashes, control characters or fragments")
        try:
            parts = urlsplit(text)
            base = URL(f"{parts.scheme}://{parts.netloc}")
        except ValueError:
            raise InvalidToolError("url: write it like https://crm.example/customers") from None
        _check_base(parts.netloc, base)
        if {"{", "}"} & set(_PLACE.sub("", parts.path + parts.query)):
            raise InvalidToolError("url: a place for an argument is written {name}")
        places = frozenset(_PLACE.findall(parts.path + "?" + parts.query))
        return cls(base, parts.path or "/", parts.query, places)

    def fill(self, arguments: Mapping[str, Any], rest: Mapping[str, Any]) -> URL:
        """Return the address with its places filled, and `rest` behind the query.

        Raises:
            ArgumentError: an argument is missing, is no plain value, or would leave its place.
        """
        path = "/".join(_segment(part, arguments) for part in self.path.split("/"))
        query = _fill(self.query, arguments)
        added = urlencode([pair for name, value in rest.items() for pair in _pairs(name, value)])
        return URL.build(
            scheme=self.base.scheme,
            authority=self.base.raw_authority,
            path=path,
            query_string="&".join(filter(None, (query, added))),
            encoded=True,
        )


def _check_base(netloc: str, base: URL) -> None:
    if "{" in netloc or "}" in netloc:
        raise InvalidToolError("url: an argument can stand in path and query, not before them")
    if base.scheme not in {"http", "https"} or not base.host:
        raise InvalidToolError("url: write it like https://crm.example/customers")
    if "@" in netloc:
        raise InvalidToolError("url: no name and password in it; use a header")


def _segment(template: str, arguments: Mapping[str, Any]) -> str:
    names = _PLACE.findall(template)
    if names:
        plain = _PLACE.sub(lambda place: _plain(place[1], arguments), template)
        _check_segment(", ".join(names), plain)
    return _fill(template, arguments)


def _check_segment(names: str, plain: str) -> None:
    """Refuse what a server might take for another path, whether it decodes once or twice."""
    for text in (plain, unquote(plain)):
        steps = _STEPS.split(text)
        if not text.strip() or _CONTROL.search(text) or {".", ".."} & {s.strip() for s in steps}:
            raise ArgumentError(f"{names}: this value can't stand in an address")


def _fill(template: str, arguments: Mapping[str, Any]) -> str:
    pieces = _PLACE.split(template)
    # Every second piece is the name of a place (re.split with a group).
    return "".join(
        _encode(_plain(piece, arguments)) if number % 2 else quote(piece, safe=_LITERAL)
        for number, piece in enumerate(pieces)
    )


def _encode(text: str) -> str:
    return quote(text.encode("utf-8", "replace"), safe="")


def _plain(name: str, arguments: Mapping[str, Any]) -> str:
    value = arguments.get(name)
    if value is None or isinstance(value, list | dict):
        raise ArgumentError(f"{name}: a text or a number is needed")
    return _text(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _pairs(name: str, value: object) -> list[tuple[bytes, bytes]]:
    """Return an argument as parts of a query: a list is repeated, null is left out."""
    values: list[object] = list(value) if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownArgumentType] - JSON
    key = name.encode("utf-8", "replace")
    return [(key, _text(item).encode("utf-8", "replace")) for item in values if item is not None]
