"""What can be an MCP server. No I/O."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from yarl import URL

from dialogari.agent.tool_rules import LONGEST_TIMEOUT, check_headers
from dialogari.tool import InvalidToolError

if TYPE_CHECKING:
    from dialogari.tool import McpServer

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,31}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_server(server: McpServer) -> None:
    """Let pass what can be an MCP server. Raises InvalidToolError."""
    if _NAME.fullmatch(server.name) is None:
        raise InvalidToolError(
            "name: use 1 to 32 of letters, digits, '_' and '-', the first a letter or '_'"
        )
    if bool(server.command) == bool(server.url):
        raise InvalidToolError("command or url: one of the two")
    if not 0 < server.timeout <= LONGEST_TIMEOUT or math.isnan(server.timeout):
        raise InvalidToolError(f"timeout: more than 0 and at most {LONGEST_TIMEOUT:g} seconds")
    if server.command:
        _check_program(server)
    else:
        _check_address(server)


def _check_program(server: McpServer) -> None:
    if server.headers:
        raise InvalidToolError("headers: a program has none")
    if any("\0" in text for text in (server.command, *server.args, *server.env.values())):
        raise InvalidToolError("command, args, env: a text has a character none may have")
    for name in server.env:
        if _VARIABLE.fullmatch(name) is None:
            raise InvalidToolError(f"env: {name!r} is no name of a variable")


def _check_address(server: McpServer) -> None:
    if server.args or server.env:
        raise InvalidToolError("args, env: an address has none")
    try:
        url = URL(server.url)
    except ValueError:
        raise InvalidToolError("url: no address") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise InvalidToolError("url: http or https, and the name of a server")
    if url.user is not None or url.password is not None:
        raise InvalidToolError("url: it can't hold a name and password; use headers")
    check_headers(server.headers)
