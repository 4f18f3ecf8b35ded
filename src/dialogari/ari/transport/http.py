"""Commands over HTTP: the transport that every Asterisk has and that needs no events socket.

Few connections, kept alive for less than Asterisk's 15 s (`session_keep_alive`), because each one
counts towards its `sessionlimit` (100 by default) and costs it a thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import aiohttp
from yarl import URL

from dialogari.ari.errors import UnknownOutcome, Unreachable
from dialogari.ari.request import Request, Response

if TYPE_CHECKING:
    from types import TracebackType

    from dialogari.ari.transport import Server

CONNECTIONS = 8
KEEP_ALIVE = 10.0
"""Seconds an idle connection is kept; at 15 s Asterisk closes it under our hands."""
LONGEST_QUEUE = 10.0
"""Seconds a command may wait for one of the connections, before the time for its answer counts."""
LARGEST_BODY = 40_960
"""Bytes; of a longer body Asterisk reads nothing, and often breaks the connection before its answer
(413) is read (measured on 22.10 and 16.28)."""


class HttpTransport:
    """A pool of connections to one Asterisk; `async with` opens and closes it."""

    def __init__(self, server: Server, connections: int = CONNECTIONS) -> None:
        self._server = server
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=KEEP_ALIVE),
            headers={"Authorization": self._server.authorization},
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, request: Request, seconds: float) -> Response:
        """Send, and once more where that is harmless and the first connection turned out dead."""
        try:
            return await self._send(request, seconds)
        except UnknownOutcome:
            if not request.repeatable:
                raise
        return await self._send(request, seconds)

    async def _send(self, request: Request, seconds: float) -> Response:
        if self._session is None:
            raise Unreachable("the transport is closed")
        if len(request.body) > LARGEST_BODY:
            raise Unreachable("the command is too long for HTTP")
        try:
            async with self._session.request(
                request.method,
                # The path is percent-encoded already; a second time would change its meaning.
                URL(f"{self._server.url}/{request.path}", encoded=True),
                data=request.body or None,
                headers={"Content-Type": "application/json"} if request.body else None,
                timeout=aiohttp.ClientTimeout(
                    total=LONGEST_QUEUE + seconds,
                    connect=LONGEST_QUEUE,
                    sock_connect=seconds,
                    sock_read=seconds,
                ),
                allow_redirects=False,
            ) as answer:
                return Response(answer.status, await answer.read())
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(type(error.os_error).__name__) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise Unreachable(type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnknownOutcome(str(request)) from error
