"""A cable between the bridge and Asterisk that a test can cut: a TCP relay on loopback."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(slots=True)
class Cable:
    """`async with` opens it; connect to `port` instead of `target`."""

    target: int
    port: int = 0
    unplugged: bool = False
    """While this is set, new connections are broken at once."""
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

    def cut(self) -> int:
        """Break every connection that is open now, and return how many; new ones work."""
        for writer in list(self._open):
            writer.transport.abort()
        return len(self._open) // 2

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.unplugged:
                raise ConnectionRefusedError
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, there_writer}
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_copy(reader, there_writer))
                tasks.create_task(_copy(there_reader, writer))
        finally:
            self._open -= {writer, there_writer}


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    except ConnectionError:
        pass
    finally:
        target.close()
