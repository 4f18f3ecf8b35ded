"""One MCP server kept at hand: connected, its tools listed, connected again when it was lost.

One task holds the connection. Whatever casts a doubt on it (a call that got no answer, the end of a
child's output, the server's word that its tools have changed) makes this task ask for the tools
anew: an answer settles the doubt, and none within `START` seconds ends the connection and, with it,
a child. The next attempt comes after a pause that grows.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import structlog
from mcp import Client, MCPError
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp.types import CONNECTION_CLOSED, ToolListChangedNotification

from dialogari.agent.mcp.http import open_address
from dialogari.agent.mcp.result import explain, tell
from dialogari.agent.mcp.stdio import run_child
from dialogari.agent.tools import ToolFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from mcp.client import IncomingMessage
    from mcp.client._transport import TransportStreams
    from mcp.types import Tool as Listed

    from dialogari.agent.outbound import Outbound
    from dialogari.tool import McpServer

START: Final = 10.0
"""Seconds to connect and to list the tools."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 60.0
STEADY: Final = 60.0
"""Seconds after which a connection was a good one: the pause begins anew."""
RELIST: Final = 300.0
"""Seconds after which the tools are listed anew in any case: a word of their change may be lost."""
MOST_TOOLS: Final = 128
_PAGES: Final = 10
_TOGETHER: Final = 0.05
"""Seconds in which several doubts are one."""

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.agent")


@dataclass(slots=True)
class Connection:
    """Keeps one server; `run` is its task."""

    server: McpServer
    outbound: Outbound
    tools: Sequence[Listed] = ()
    """Those that can be called now; empty while it is away."""
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """The first attempt has come to something, or to nothing."""
    cause: str = ""
    """Why it is away: a reason of ours, or the type of an error."""
    _refused: str = ""
    _client: Client | None = None
    _doubt: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Keep the server at hand until cancelled."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        pause, legacy = FIRST_PAUSE, False
        while True:
            began = loop.time()
            self._refused = ""
            try:
                await self._connect(legacy=legacy)
            except Exception as error:  # noqa: BLE001 - the boundary of a server: it costs itself alone
                # The type alone: what servers write into errors may hold keys and callers' words.
                self.cause = self._refused or _name(error)
                logger.warning("mcp_away", server=self.server.name, cause=self.cause)
            finally:
                self.tools, self._client = (), None
                self.settled.set()
            if task.cancelling():
                return  # a connection that breaks while it is cancelled raises that it broke
            # Some servers of the older protocol end at a question that only the newer one knows.
            legacy = not legacy
            pause = FIRST_PAUSE if loop.time() - began > STEADY else pause
            # Jitter keeps bridges from knocking at one moment; it guards no secret.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, LONGEST_PAUSE)

    async def call(self, tool: str, arguments: Mapping[str, Any], seconds: float) -> str:
        """Return what the model is told, within `seconds`. Raises ToolFailedError."""
        secrets = [*self.server.env.values(), *self.server.headers.values()]
        client = self._client
        if client is None:
            raise ToolFailedError("connection", "the server is away")
        clean = False
        try:
            result = await client.call_tool(tool, dict(arguments), seconds)
            told = tell(result, secrets)
            clean = True
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                self._lose()
            raise explain(error, secrets) from None
        except (RuntimeError, ValueError):
            raise ToolFailedError("malformed", "the server's answer can't be read") from None
        finally:
            if not clean:  # also where whoever called gave up: the tool or the server may be gone
                self._doubt.set()
        return told

    async def _connect(self, *, legacy: bool) -> None:
        """Hold one connection until it is lost."""
        client = Client(
            self._transport(),
            mode="legacy" if legacy else "auto",
            read_timeout_seconds=START,
            message_handler=self._hear,
            cache=None,
        )
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(START):
                await stack.enter_async_context(client)
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch(client))
                try:
                    await self._keep(client)
                finally:
                    watching.cancel()

    def _transport(self) -> AbstractAsyncContextManager[TransportStreams]:
        if self.server.command:
            return run_child(self.server, self._lose)
        return open_address(self.server, self.outbound, self._note)

    def _note(self, refused: str) -> None:
        self._refused = refused
        self._lose()

    def _lose(self) -> None:
        """Offer nothing until the tools have been listed anew."""
        self.tools = ()
        self._doubt.set()

    async def _keep(self, client: Client) -> None:
        while True:
            self._doubt.clear()
            async with asyncio.timeout(START):
                self.tools = await _list(client)
            self._client, self.cause, self._refused = client, "", ""
            self.settled.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(RELIST):
                    await self._doubt.wait()
            await asyncio.sleep(_TOGETHER)

    async def _hear(self, message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._doubt.set()

    async def _watch(self, client: Client) -> None:
        """Hear of changed tools in the newer protocol, where one must ask for it."""
        with suppress(ListenNotSupportedError, SubscriptionLost, MCPError, TimeoutError):
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self._doubt.set()


async def _list(client: Client) -> Sequence[Listed]:
    found: list[Listed] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        page = await client.list_tools(cursor=cursor)
        found += page.tools
        cursor = page.next_cursor
        if cursor is None or len(found) >= MOST_TOOLS:
            break
    return found[:MOST_TOOLS]


def _name(error: Exception) -> str:
    inner: BaseException = error
    while isinstance(inner, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", inner).exceptions[0]
    return type(inner).__name__
