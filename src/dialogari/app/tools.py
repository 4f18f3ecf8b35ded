"""The tools, for those who edit them, and one tool tried out as a call would use it."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dialogari.agent.tool_rules import make_ready
from dialogari.app.described import read_fields
from dialogari.app.prompts import open_settings_store
from dialogari.tool import DEFAULT_TIMEOUT, InvalidToolError, Tool

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from dialogari.agent.outbound import Outbound
    from dialogari.config import Settings
    from dialogari.store.tools import StoredTools
    from dialogari.tool import ToolCall

_FIELDS = {
    "name": str,
    "description": str,
    "parameters": dict,
    "method": str,
    "url": str,
    "headers": dict,
    "timeout": (int, float),
    "result_path": str,
}
"""As the API has them, with the types of their JSON."""
_NEEDED = ("name", "description", "parameters", "url")


@asynccontextmanager
async def open_tools(settings: Settings) -> AsyncGenerator[StoredTools]:
    """Open the tools, beside a running bridge or not. Raises ConfigError and StoreError."""
    async with open_settings_store(settings) as store:
        yield store.tools


async def try_tool(settings: Settings, name: str, arguments: Mapping[str, Any]) -> ToolCall:
    """Return what became of a call, as a model would be told. Raises ConfigError, StoreError."""
    # It takes two seconds to import, which those who only edit tools need not spend.
    from dialogari.agent.outbound import Outbound  # noqa: PLC0415 - see above

    outbound = Outbound(settings.tool_networks)
    try:
        async with open_tools(settings) as tools:
            return await try_stored(tools, outbound, name, arguments)
    finally:
        await outbound.aclose()


async def try_stored(
    tools: StoredTools, outbound: Outbound, name: str, arguments: Mapping[str, Any]
) -> ToolCall:
    """Return what became of a call, as a model would be told. Raises StoreError."""
    from dialogari.agent.calls import try_out  # noqa: PLC0415 - as above
    from dialogari.agent.tools import HttpTool  # noqa: PLC0415 - as above

    tool = await tools.get(name)
    return await try_out(HttpTool(make_ready(tool), outbound), arguments)


def read_tool(text: str) -> Tool:
    """Return the tool that a JSON object describes, under the names of the API.

    Raises:
        InvalidToolError: it describes none; the text says why.
    """
    fields = read_fields(text, "a tool", _FIELDS, _NEEDED)
    if not all(isinstance(value, str) for value in fields.get("headers", {}).values()):
        raise InvalidToolError("headers: each value is a text")
    return Tool(
        name=fields["name"],
        description=fields["description"],
        parameters=fields["parameters"],
        url=fields["url"],
        method=str(fields.get("method", "GET")).upper(),
        headers=fields.get("headers", {}),
        timeout=float(fields.get("timeout", DEFAULT_TIMEOUT)),
        result_path=fields.get("result_path"),
    )


def write_tool(tool: Tool) -> str:
    """Return the tool as JSON that `read_tool` takes."""
    shown = {name: value for name, value in asdict(tool).items() if name in _FIELDS}
    ordered = {name: shown[name] for name in _FIELDS if shown[name] not in (None, {})}
    return json.dumps(ordered, ensure_ascii=False, indent=2)
