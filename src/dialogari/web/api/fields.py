"""The types that fields of requests share."""

import json
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

PROMPT_NAME: Final = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$"
TOOL_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$"
SERVER_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_-]{0,31}$"
TOOL_CHOICE: Final = r"^([A-Za-z_][A-Za-z0-9_-]{0,63}|[A-Za-z_][A-Za-z0-9_-]{0,31}/[!-~]{1,128})$"
"""A tool, or one of an MCP server, or all of it: `server/tool`, `server/*`."""
TARGET: Final = r"^([0-9]|[A-Za-z0-9][A-Za-z0-9_]{1,39})$"
"""Of a transfer, as `dialogari.telephone.is_target` has it."""


class Body(BaseModel):
    """What clients send: exactly what is described, of exactly its types."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class View(BaseModel):
    """What clients are shown."""

    model_config = ConfigDict(use_attribute_docstrings=True)


def _check_json(value: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        # Half characters and numbers that are none; without the error's text, which quotes them.
        raise ValueError("this is no JSON that could be sent on") from None
    return value


Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""A text that every database takes as it is."""
CLOSED: Final[dict[str, JsonValue]] = {"additionalProperties": False}
"""Says in OpenAPI what pydantic does: keys beside the pattern are refused."""
JsonObject = Annotated[dict[str, Any], AfterValidator(_check_json)]

_HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=200)]
_HeaderValue = Annotated[str, Field(pattern=r"^[!-~]([ -~\t]*[!-~])?$", max_length=8000)]
Headers = Annotated[dict[_HeaderName, _HeaderValue], Field(max_length=50, json_schema_extra=CLOSED)]
"""Headers of HTTP requests that we send."""
