"""The server's end of one events socket of a FakeAsterisk."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

LARGEST_MESSAGE = 65_535
"""Bytes; a larger one is answered with close 1009."""
CLOSE_TIMEOUT = 2.0


class Socket:
    """One connected client."""

    def __init__(self) -> None:
        self._connection = web.WebSocketResponse(
            protocols=("ari",), max_msg_size=LARGEST_MESSAGE, compress=False, timeout=CLOSE_TIMEOUT
        )
        self._transport: asyncio.Transport | None = None

    async def accept(self, request: web.Request) -> web.WebSocketResponse:
        """Finish the handshake."""
        await self._connection.prepare(request)
        self._transport = request.transport
        return self._connection

    async def send(self, frame: bytes) -> None:
        """Send one text frame; one to a closed socket is lost without an error."""
        with contextlib.suppress(ConnectionError):
            await self._connection.send_str(frame.decode())

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
