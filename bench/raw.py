"""A streamed chat completion read by hand: the least there is, beside which the benches put ours.

aiohttp for the line, msgspec for what is on it, and nothing beside: no check of what the server
sends, no clock, and no error but what aiohttp raises.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping


class Function(msgspec.Struct):
    """A piece of a call: its arguments come in several."""

    name: str | None = None
    arguments: str = ""


class Call(msgspec.Struct):
    """A piece of a tool call."""

    function: Function
    id: str | None = None


class Delta(msgspec.Struct):
    """What one chunk adds to the answer."""

    content: str | None = None
    tool_calls: list[Call] = []


class _Choice(msgspec.Struct):
    delta: Delta


class _Chunk(msgspec.Struct):
    choices: list[_Choice]


_DECODER = msgspec.json.Decoder(_Chunk)


@asynccontextmanager
async def open_session() -> AsyncGenerator[aiohttp.ClientSession]:
    """Open a client that keeps as many connections as are asked of it."""
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        yield session


async def read_deltas(
    session: aiohttp.ClientSession, url: str, body: Mapping[str, object]
) -> AsyncGenerator[Delta]:
    """Ask the server at that base URL for a completion, and yield what it streams."""
    whole = {
        "model": "instant",
        "stream": True,
        "stream_options": {"include_usage": True},
        **body,
    }
    encoded = msgspec.json.encode(whole)
    async with session.post(f"{url}/chat/completions", data=encoded) as response:
        async for line in response.content:
            if line.startswith(b"data: {"):
                for choice in _DECODER.decode(line[6:]).choices:
                    yield choice.delta


async def ask_at_once(ask: Callable[[], Awaitable[None]], at_once: int, questions: int) -> None:
    """Ask so many questions, so many at a time."""
    turns = iter(range(questions))

    async def caller() -> None:
        for _ in turns:
            await ask()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(caller())


def collect_as_the_bridge() -> None:
    """Let the garbage be collected as seldom as the bridge does, now that all is warm."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
