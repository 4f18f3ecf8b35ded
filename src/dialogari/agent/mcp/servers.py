"""The MCP servers at hand, and their tools as a model is offered them."""

from __future__ import annotations

import asyncio
import importlib
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import structlog
from pydantic_ai.tools import ToolDefinition

from dialogari.agent.tool_rules import LONGEST_DESCRIPTION
from dialogari.tool import McpChoice

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    from dialogari.agent.mcp.connection import Connection
    from dialogari.agent.outbound import Outbound
    from dialogari.agent.tools import AgentTool
    from dialogari.tool import McpServer

FIRST_WAIT: Final = 3.0
"""Seconds that a turn waits for a server nobody has spoken with yet; after that it goes without."""
LOOK: Final = 15.0
"""Seconds; for what no turn asks about, rows that are new and rows that were deleted."""
_ALL: Final = "*"
_ODD: Final = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_NAME: Final = 64

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.agent")


@dataclass(frozen=True, slots=True)
class McpTool:
    """One tool of a server. Plays `AgentTool`."""

    connection: Connection
    tool: str
    definition: ToolDefinition

    @property
    def timeout(self) -> float:
        """Seconds that a call may take."""
        return self.connection.server.timeout

    async def call(self, arguments: Mapping[str, Any], seconds: float) -> str:
        """Return what the model is told. Raises ToolFailedError."""
        return await self.connection.call(self.tool, arguments, seconds)


@dataclass(slots=True)
class _Kept:
    connection: Connection
    task: asyncio.Task[None]


class McpServers:
    """`async with` it: its servers end with the block, and programs we started are gone then.

    `look`: seconds between looks at the rows, for `watch`.
    """

    def __init__(self, outbound: Outbound, look: float = LOOK) -> None:
        self._look = look
        self._outbound = outbound
        self._kept: dict[str, _Kept] = {}
        self._tasks = asyncio.TaskGroup()
        self._watching: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in (self._watching, *(kept.task for kept in self._kept.values())):
            if task is not None:
                task.cancel()
        await self._tasks.__aexit__(exc_type, exc, traceback)

    def watch(self, find_servers: Callable[[], Awaitable[Sequence[McpServer] | None]]) -> None:
        """Keep all servers at hand before a turn asks for them, and end those that were deleted.

        `find_servers` returns None where they can't be read now.
        """
        self._watching = self._tasks.create_task(self._watch(find_servers))

    async def prepare(self, choices: Sequence[McpChoice]) -> Sequence[AgentTool]:
        """Return the tools that were chosen; those of a server that is away are left out."""
        if not choices:
            return ()
        connections = {c.server.name: await self._keep(c.server) for c in choices}
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_WAIT):
                for connection in connections.values():
                    await connection.settled.wait()
        for name, connection in connections.items():
            if not connection.tools:
                logger.warning("mcp_tools_missing", server=name)
        tools: dict[str, McpTool] = {}
        for choice in choices:
            for tool in _chosen(choice, connections[choice.server.name]):
                tools.setdefault(tool.definition.name, tool)
        return list(tools.values())

    async def reach(self, server: McpServer) -> tuple[Sequence[McpTool], str]:
        """Return all tools of a server, and why it is away where it is; for those who try it."""
        connection = await self._keep(server)
        await connection.settled.wait()
        return list(_chosen(McpChoice(server, _ALL), connection)), connection.cause

    async def _keep(self, server: McpServer) -> Connection:
        """Have a server at hand, as its row is now."""
        async with self._starting:
            kept = self._kept.get(server.name)
            if kept is not None and kept.connection.server == server:
                return kept.connection
            if kept is not None:
                kept.task.cancel()
            # In a thread: the library takes 0.6 s to import, in which no call could go on.
            module = await asyncio.to_thread(
                importlib.import_module, "dialogari.agent.mcp.connection"
            )
            connection: Connection = module.Connection(server, self._outbound)
            task = self._tasks.create_task(connection.run(), name=f"mcp {server.name}")
            self._kept[server.name] = _Kept(connection, task)
            return connection

    async def _watch(
        self, find_servers: Callable[[], Awaitable[Sequence[McpServer] | None]]
    ) -> None:
        while True:
            servers = await find_servers()
            if servers is not None:
                for server in servers:
                    await self._keep(server)
                for name in self._kept.keys() - {server.name for server in servers}:
                    self._kept.pop(name).task.cancel()
            await asyncio.sleep(self._look)


def _chosen(choice: McpChoice, connection: Connection) -> Iterator[McpTool]:
    for listed in connection.tools:
        if choice.tool in {_ALL, listed.name}:
            name = _ODD.sub("_", f"{choice.server.name}_{listed.name}")[:_LONGEST_NAME]
            description = (listed.description or listed.title or listed.name).strip()
            yield McpTool(
                connection,
                listed.name,
                ToolDefinition(
                    name=name,
                    description=description[:LONGEST_DESCRIPTION],
                    parameters_json_schema=dict(listed.input_schema),
                ),
            )
