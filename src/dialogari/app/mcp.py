"""The MCP servers, for those who edit them, and one tried out as a call would use it."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dialogari.app.described import read_fields
from dialogari.app.prompts import open_settings_store
from dialogari.tool import DEFAULT_TIMEOUT, InvalidToolError, McpOffer, McpServer, OfferedTool

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from dialogari.agent.mcp.servers import McpServers, McpTool
    from dialogari.config import Settings
    from dialogari.store.mcp import StoredMcpServers
    from dialogari.tool import ToolCall

LOOK_LIMIT = 25.0
"""Seconds for connecting to a server and listing its tools, of which either may take ten."""
_FIELDS = {
    "name": str,
    "command": str,
    "args": list,
    "env": dict,
    "url": str,
    "headers": dict,
    "timeout": (int, float),
}


@asynccontextmanager
async def open_servers(settings: Settings) -> AsyncGenerator[StoredMcpServers]:
    """Open the MCP servers, beside a running bridge or not. Raises ConfigError and StoreError."""
    async with open_settings_store(settings) as store:
        yield store.servers


async def relock(settings: Settings) -> int:
    """Lock all secrets with the first key of SECRET_KEY; return how many there are.

    Raises ConfigError and StoreError.
    """
    async with open_settings_store(settings) as store:
        return await store.tools.lock_again() + await store.servers.lock_again()


async def list_tools(settings: Settings, name: str) -> Sequence[tuple[str, str]]:
    """Return the tools of a server and what they say of themselves.

    Raises ConfigError, StoreError, and InvalidToolError where the server is away.
    """
    async with _reach(settings, name) as (tools, cause):
        found = [(tool.tool, tool.definition.description or "") for tool in tools]
    if cause:
        raise _away(name, cause)
    return found


async def look_at(stored: StoredMcpServers, servers: McpServers, name: str) -> McpOffer:
    """Return what a server offers to the turns of this process. Raises StoreError."""
    server = await stored.get(name)
    try:
        async with asyncio.timeout(LOOK_LIMIT):
            tools, cause = await servers.reach(server)
    except TimeoutError:
        return McpOffer(cause="timeout")
    offered = [
        OfferedTool(
            name=f"{name}/{tool.tool}",
            description=tool.definition.description or "",
            parameters=tool.definition.parameters_json_schema,
        )
        for tool in tools
    ]
    return McpOffer(offered, cause)


async def try_tool(
    settings: Settings, name: str, tool: str, arguments: Mapping[str, Any]
) -> ToolCall:
    """Return what became of a call, as a model would be told. Raises as `list_tools`."""
    from dialogari.agent.calls import try_out  # noqa: PLC0415 - it takes two seconds to import

    async with _reach(settings, name) as (tools, cause):
        found = next((t for t in tools if t.tool == tool), None)
        ended = None if found is None else await try_out(found, arguments)
    if cause:
        raise _away(name, cause)
    if ended is None:
        known = ", ".join(t.tool for t in tools)
        raise InvalidToolError(f"{name} has no tool {tool!r}; it has {known}")
    return ended


@asynccontextmanager
async def _reach(settings: Settings, name: str) -> AsyncGenerator[tuple[Sequence[McpTool], str]]:
    from dialogari.agent.mcp.servers import McpServers  # noqa: PLC0415 - see `try_tool`
    from dialogari.agent.outbound import Outbound  # noqa: PLC0415 - see `try_tool`

    async with open_servers(settings) as servers:
        server = await servers.get(name)
    outbound = Outbound(settings.tool_networks)
    try:
        async with McpServers(outbound) as reached:
            tools, cause = await reached.reach(server)
            yield tools, cause
    finally:
        await outbound.aclose()


def _away(name: str, cause: str) -> InvalidToolError:
    return InvalidToolError(f"{name} is away: {cause}")


def read_server(text: str) -> McpServer:
    """Return the server that a JSON object describes.

    Raises:
        InvalidToolError: it describes none; the text says why.
    """
    fields = read_fields(text, "a server", _FIELDS, ("name",))
    texts = [
        *fields.get("args", ()),
        *fields.get("env", {}).values(),
        *fields.get("headers", {}).values(),
    ]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidToolError("args, env, headers: each value is a text")
    return McpServer(
        name=fields["name"],
        command=fields.get("command", ""),
        args=tuple(fields.get("args", ())),
        env=fields.get("env", {}),
        url=fields.get("url", ""),
        headers=fields.get("headers", {}),
        timeout=float(fields.get("timeout", DEFAULT_TIMEOUT)),
    )


def write_server(server: McpServer) -> str:
    """Return the server as JSON that `read_server` takes."""
    shown = asdict(server)
    ordered = {name: shown[name] for name in _FIELDS if shown[name] not in ("", (), {})}
    return json.dumps(ordered, ensure_ascii=False, indent=2)
