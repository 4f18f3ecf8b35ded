"""An MCP server as a child process: a message a line, from its standard output and to its input.

A transport of our own, because the library's reads lines without a limit: of one with 64 MB it made
26 s of CPU in the process that holds the calls (measured, mcp 2.3.0).

A child ends with its connection: its input is closed, then it is asked, then it is killed, with
all it has started.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

import anyio
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp.types import ErrorData, JSONRPCError, jsonrpc_message_adapter

if TYPE_CHECKING:
    from asyncio import StreamReader
    from asyncio.subprocess import Process
    from collections.abc import AsyncGenerator, Callable, Iterator

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.client._transport import TransportStreams

    from dialogari.tool import McpServer

LARGEST_LINE: Final = 1024 * 1024
"""Bytes of one message; the list of a server's tools is one."""
TOO_LARGE: Final = -32098
"""Our code for an answer that was longer."""
_PATIENCE: Final = 1.0
"""Seconds that a child has to end by itself, and again when asked."""
_READ: Final = 64 * 1024
_EDGE: Final = 256
_ID: Final = re.compile(rb'"id"\s*:\s*(\d{1,15})\s*[,}]')


class Lines:
    """Cuts what a child writes into lines; of one that is too long only its edges are kept."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._tail = b""
        self._too_long = False

    def feed(self, chunk: bytes) -> Iterator[tuple[bytes, bool]]:
        """Yield each line that is complete now, and whether it is whole."""
        *complete, rest = chunk.split(b"\n")
        for piece in complete:
            self._add(piece)
            line = bytes(self._line) + self._tail if self._too_long else bytes(self._line)
            yield line, not self._too_long
            self._line.clear()
            self._tail, self._too_long = b"", False
        self._add(rest)

    def _add(self, piece: bytes) -> None:
        if self._too_long:
            self._tail = (self._tail + piece[-_EDGE:])[-_EDGE:]
            return
        self._line += piece
        if len(self._line) > LARGEST_LINE:
            self._too_long, self._tail = True, bytes(self._line[-_EDGE:])
            del self._line[_EDGE:]


@asynccontextmanager
async def run_child(
    server: McpServer, ended: Callable[[], None]
) -> AsyncGenerator[TransportStreams]:
    """Run the program for the length of the block; a transport of the library.

    `ended` is called when it says no more. What it writes to its standard error goes nowhere: it
    may hold callers' words.

    Raises:
        OSError: it can't be started.
    """
    process = await asyncio.create_subprocess_exec(
        server.command,
        *server.args,
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env={**get_default_environment(), **server.env},
        start_new_session=True,
    )
    try:
        arrived, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outgoing, leaving = anyio.create_memory_object_stream[SessionMessage](0)
        async with arrived, incoming, outgoing, leaving, asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(_read(process, arrived, ended))
            writing = tasks.create_task(_write(process, leaving))
            try:
                yield incoming, outgoing
            finally:
                reading.cancel()
                writing.cancel()
    finally:
        await _end(process)


async def _read(
    process: Process,
    arrived: MemoryObjectSendStream[SessionMessage | Exception],
    ended: Callable[[], None],
) -> None:
    lines = Lines()
    stdout: StreamReader | None = process.stdout
    assert stdout is not None  # noqa: S101 - it was asked for
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        while chunk := await stdout.read(_READ):
            for line, whole in lines.feed(chunk):
                message = _parse(line) if whole else _refuse(line)
                if message is not None:
                    await arrived.send(message)
    await arrived.aclose()
    ended()


async def _write(process: Process, leaving: MemoryObjectReceiveStream[SessionMessage]) -> None:
    stdin = process.stdin
    assert stdin is not None  # noqa: S101 - it was asked for
    with suppress(OSError):  # it has ended: whoever reads is told
        async for message in leaving:
            text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            stdin.write(text.encode("utf-8", "replace") + b"\n")
            await stdin.drain()


def _parse(line: bytes) -> SessionMessage | None:
    """Return the message; None for what is none, as of programs that log to their output."""
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        return None


def _refuse(edges: bytes) -> SessionMessage | None:
    """Return an error in place of an answer that was too long, so that nobody waits for it."""
    ids = _ID.findall(edges)
    if not ids:
        return None
    # Libraries write it first or last.
    number = int(ids[0] if edges.find(ids[0]) < _EDGE else ids[-1])
    error = ErrorData(code=TOO_LARGE, message="too large")
    return SessionMessage(JSONRPCError(jsonrpc="2.0", id=number, error=error))


async def _end(process: Process) -> None:
    """End the child, gently first; it is gone when this returns, even when cancelled."""
    try:
        if process.stdin is not None:
            process.stdin.close()
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is not None:
                _signal(process, number)
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await process.wait()
                    return
    finally:
        if process.returncode is None:
            _signal(process, signal.SIGKILL)


def _signal(process: Process, number: signal.Signals) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)  # its own group: `start_new_session`
