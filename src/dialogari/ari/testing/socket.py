"""The server's end of one events socket of a FakeAsterisk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LARGEST_MESSAGE = 65_535
"""Bytes; a larger one is answered with close 1009."""
CLOSE_TIMEOUT = 2.0


class Socket:
    """One connected client. What is sent goes out in its order, by `write`, which must run.

    A client that does not read for `patience` seconds is cut off (websocket_write_timeout).
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._connection = web.WebSocketResponse(
            protocols=("ari",), max_msg_size=LARGEST_MESSAGE, compress=False, timeout=CLOSE_TIMEOUT
        )
        self._transport: asyncio.Transport | None = None
        self._frames: asyncio.Queue[tuple[bytes, bool]] = asyncio.Queue()

    async def accept(self, request: web.Request) -> web.WebSocketResponse:
        """Finish the handshake."""
        await self._connection.prepare(request)
        self._transport = request.transport
        return self._connection

    def send(self, frame: bytes, *, binary: bool = False) -> None:
        """Send one frame, in its turn; one to a closed socket is lost without an error."""
        self._frames.put_nowait((frame, binary))

    async def write(self) -> None:
        """Send what there is to send, until the connection ends or its client does not read."""
        while True:
            frame, binary = await self._frames.get()
            try:
                async with asyncio.timeout(self._patience):
                    if binary:
                        await self._connection.send_bytes(frame)
                    else:
                        await self._connection.send_str(frame.decode())
            except TimeoutError:
                self.abort()
                return
            except ConnectionError:
                return

    async def texts(self) -> AsyncIterator[str]:
        """Yield what the client sends, until it goes. Binary messages are ignored, as measured."""
        async for message in self._connection:
            if message.type is WSMsgType.TEXT:
                yield str(message.data)

    async def close(self, code: int) -> None:
        """End the connection with a close code."""
        await self._connection.close(code=code)

    def abort(self) -> None:
        """End the connection without a word."""
        if self._transport is not None:
            self._transport.abort()
