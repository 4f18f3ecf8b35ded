"""A server that sends bytes as they stand, so that a test decides where each piece ends."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    Script = Callable[["Visit"], AsyncIterator[bytes]]

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


@dataclass(slots=True)
class Visit:
    """One request, and what became of its connection."""

    head: str
    body: dict[str, Any]
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """The client has closed the connection."""
    closed_at: float = 0.0


@dataclass(slots=True)
class RawServer:
    """Where it listens, and who came."""

    url: str
    visits: list[Visit] = field(default_factory=list[Visit])
    connections: int = 0


def event(**chunk: Any) -> bytes:
    """Return an event with this chunk."""
    return f"data: {json.dumps(chunk)}\n\n".encode()


def words(content: str, finish: str | None = None) -> bytes:
    """Return an event with this piece of text."""
    return event(choices=[{"index": 0, "delta": {"content": content}, "finish_reason": finish}])


def always(*pieces: bytes) -> Script:
    """Answer with these bytes, then close."""

    async def script(_: Visit) -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
            await asyncio.sleep(0)

    return script


@asynccontextmanager
async def serve(script: Script, tls: ssl.SSLContext | None = None) -> AsyncGenerator[RawServer]:
    """Answer every request with the script; a script that ends closes the connection."""
    server = RawServer("")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        try:
            while await _answer(server, script, reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    server.url = f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    async with listening:
        yield server


async def _answer(
    server: RawServer,
    script: Script,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> bool:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(
        int(line.partition(":")[2])
        for line in head.splitlines()
        if line.lower().startswith("content-length:")
    )
    visit = Visit(head, json.loads(await reader.readexactly(length)))
    server.visits.append(visit)
    kept = False
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(_watch(reader, visit))
        async for piece in script(visit):
            kept = kept or b"keep-alive" in piece
            writer.write(piece)
            await writer.drain()
        if not kept:
            writer.close()
        watching.cancel()
    return kept


async def _watch(reader: asyncio.StreamReader, visit: Visit) -> None:
    if not await reader.read(1):
        visit.closed_at = asyncio.get_running_loop().time()
        visit.closed.set()
