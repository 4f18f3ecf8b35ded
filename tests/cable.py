"""A cable between the bridge and Asterisk that a test can cut: a TCP relay on loopback."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType


@dataclass(slots=True)
class Wire:
    """What one connection carried, byte by byte."""

    sent: bytearray = field(default_factory=bytearray)
    """By the side that connected."""
    answered: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class Cable:
    """`async with` opens it; connect to `port` instead of `target`."""

    target: int
    port: int = 0
    wires: list[Wire] = field(default_factory=list[Wire])
    """One for each connection there ever was."""
    _plugged: bool = True
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()

    @property
    def connections(self) -> int:
        """How many are open now."""
        return len(self._open) // 2

    def cut(self) -> None:
        """Break every connection that is open now; new ones work."""
        for writer in list(self._open):
            writer.transport.abort()

    @contextmanager
    def unplugged(self) -> Generator[None]:
        """Break every connection, and each new one, as long as this lasts."""
        self._plugged = False
        self.cut()
        try:
            yield
        finally:
            self._plugged = True

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._plugged:
            writer.transport.abort()
            return
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        except asyncio.CancelledError:  # at the end of a test; nobody else would close it
            writer.transport.abort()
            raise
        if not self._plugged:
            writer.transport.abort()
            there_writer.transport.abort()
            return
        self._open |= {writer, there_writer}
        wire = Wire()
        self.wires.append(wire)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_copy(reader, there_writer, wire.sent))
                tasks.create_task(_copy(there_reader, writer, wire.answered))
        finally:
            self._open -= {writer, there_writer}
            writer.close()
            there_writer.close()


async def _copy(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, record: bytearray
) -> None:
    try:
        while data := await source.read(65536):
            record += data
            target.write(data)
            await target.drain()
    except ConnectionError:
        pass
    finally:
        target.close()
