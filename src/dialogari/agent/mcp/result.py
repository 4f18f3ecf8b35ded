"""What an MCP server says, as what a model is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from mcp.types import (
    CONNECTION_CLOSED,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    REQUEST_TIMEOUT,
    TextContent,
)

from dialogari.agent.mcp.stdio import TOO_LARGE
from dialogari.agent.tools import LONGEST_COMPLAINT, LONGEST_RESULT, ToolFailedError, cut, hide

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp import MCPError
    from mcp.types import CallToolResult

_OURS: Final = {
    TOO_LARGE: ("too_large", "the server's answer is too long"),
    PARSE_ERROR: ("malformed", "the server's answer can't be read"),
    CONNECTION_CLOSED: ("connection", "the server has gone away"),
    REQUEST_TIMEOUT: ("timeout", "no answer in time"),
}


def tell(result: CallToolResult, secrets: Iterable[str]) -> str:
    """Return the result as text, cut where it is long. Raises ToolFailedError where it is none."""
    said = [part.text for part in result.content if isinstance(part, TextContent)]
    if not any(said) and result.structured_content is not None:
        said = [json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))]
    text = hide("\n".join(said).strip(), secrets).replace("\0", "\ufffd")
    if result.is_error:
        raise ToolFailedError("tool_error", cut(text, LONGEST_COMPLAINT) or "the tool failed")
    if not text and result.content:
        raise ToolFailedError("not_data", "the tool answered with a file, no data")
    return cut(text, LONGEST_RESULT) or "done; the tool answered nothing more"


def explain(error: MCPError, secrets: Iterable[str]) -> ToolFailedError:
    """Return an error of the protocol as a failed call."""
    reason, text = _OURS.get(error.code, ("", ""))
    if reason:
        return ToolFailedError(reason, text)
    refused = error.code in {INVALID_PARAMS, METHOD_NOT_FOUND}
    said = cut(hide(error.message, secrets), LONGEST_COMPLAINT)
    return ToolFailedError("arguments" if refused else "mcp_error", f"the server refused: {said}")
