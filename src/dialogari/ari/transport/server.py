"""The door that Asterisk knocks at: a listening server for its outbound websockets.

What comes (measured on 22.10): `GET PATH?QUERY` as its `uri` says, Upgrade, version 13,
`Sec-WebSocket-Protocol: ari`, `Authorization: Basic`, no Origin, no User-Agent; after that it is a
socket like those that we open, in both directions. A refusal, whatever its status, is to Asterisk
like a server that is away: it tries again after its `reconnect_interval`.

What a socket brings, for whoever receives it (tests/ari/test_transport_server_asterisk.py):

* ApplicationRegistered greets, but proves nothing. It comes first on a first connection, after all
  that was missed on a later one, and not at all when a call is back within 3 s. It comes even if
  the application is gone since another client had it; then no command is answered either.
* ApplicationReplaced may be Asterisk's own doing: a reload with another list of applications sends
  it to the socket that keeps them, a call that is back within 3 s to its older socket.
* A cut socket comes again at once, without the start of the calls it has, its event filter kept.
* Asterisk closes a call's own socket with 1000, 3 s after the call left; a newer one of the same
  call is deaf from then on (a fault of Asterisk's), though its commands are answered.
* A stopping Asterisk just cuts the connection. It answers pings and, before 22.11, sends none.

Who has no right to come in is told nothing, and does no harm: a handshake has a few seconds, only
so many may be under way, and a refusal is logged once, not at each of the two tries a second.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import WSCloseCode, web

from dialogari.ari.transport.websocket import (
    CLOSE_TIMEOUT,
    HEARTBEAT,
    LARGEST_EVENT,
    OPEN_TIMEOUT,
    EventSocket,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from aiohttp.web_protocol import RequestHandler

    Receive = Callable[[EventSocket], Awaitable[None]]

logger = logging.getLogger(__name__)

SUBPROTOCOL = "ari"
MOST_OPENING = 1000
"""Handshakes under way. When we come back, the sockets of all calls come at the same moment."""
MOST_TOLD = 1000
"""Refused peers that are remembered as told of; those after them are counted only."""

_MUTE = logging.Logger("aiohttp", logging.CRITICAL + 1)  # noqa: LOG001 - out of reach of settings
"""For the library, which logs what a stranger sends."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who may come in."""

    username: str
    password: str = field(repr=False)

    def match(self, authorization: str) -> bool:
        """Return whether a value of the Authorization header (RFC 7617) is these.

        The time it takes tells nothing but the length.
        """
        scheme, _, token = authorization.partition(" ")
        try:
            given = base64.b64decode(token.strip(), validate=True)
        except ValueError:
            return False
        expected = f"{self.username}:{self.password}".encode()
        return hmac.compare_digest(given, expected) and scheme.lower() == "basic"


@dataclass(frozen=True, slots=True)
class Door:
    """Where Asterisk's sockets come in, and who may."""

    host: str
    port: int
    """0 takes a free one."""
    credentials: Credentials
    path: str = "/"
    tls: ssl.SSLContext | None = None


class EventSocketServer:
    """Who comes in, and who does not; `accept_event_sockets` makes and closes it."""

    def __init__(self, credentials: Credentials, path: str, receive: Receive) -> None:
        self._credentials = credentials
        self._path = path
        self._receive = receive
        self._sockets: dict[web.WebSocketResponse[bool], asyncio.Task[object] | None] = {}
        """The open ones, each with the task that has it."""
        self._told: set[tuple[str, str]] = set()
        self.port = 0
        self.refused = 0
        """Connections that did not become an events socket, whatever the reason."""

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        """Let one request in, or refuse it."""
        connection: web.WebSocketResponse[bool] = web.WebSocketResponse(
            timeout=CLOSE_TIMEOUT,
            heartbeat=HEARTBEAT,
            protocols=(SUBPROTOCOL,),
            compress=False,
            max_msg_size=LARGEST_EVENT,
            decode_text=False,
        )
        refusal = self._judge(request, connection)
        if refusal is not None:
            self.refuse(request.remote or "", f"http_{refusal.status}")
            refusal.force_close()
            return refusal
        await connection.prepare(request)
        await self._own(connection, request.remote or "")
        return connection

    def _judge(
        self, request: web.BaseRequest, connection: web.WebSocketResponse[bool]
    ) -> web.Response | None:
        given = request.headers.getall("Authorization", [])
        if len(given) != 1 or not self._credentials.match(given[0]):
            asking = {"WWW-Authenticate": 'Basic realm="dialogari"'}
            return web.Response(status=HTTPStatus.UNAUTHORIZED, headers=asking)
        if request.path != self._path:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        offered = request.headers.get("Sec-WebSocket-Protocol", SUBPROTOCOL)
        if SUBPROTOCOL not in offered.replace(" ", "").split(","):
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        if not connection.can_prepare(request).ok:
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        return None

    def refuse(self, peer: str, reason: str) -> None:
        """Count a connection that came to nothing, and log the first of its kind."""
        self.refused += 1
        if (peer, reason) not in self._told and len(self._told) < MOST_TOLD:
            self._told.add((peer, reason))
            logger.warning("ari_socket_refused", extra={"peer": peer, "reason": reason})

    async def _own(self, connection: web.WebSocketResponse[bool], peer: str) -> None:
        self._told = {told for told in self._told if told[0] != peer}
        self._sockets[connection] = asyncio.current_task()
        try:
            await self._receive(EventSocket(connection))
        except Exception:
            # One socket's fault must not end the others; the library would lose it.
            logger.exception("ari_socket_failed", extra={"peer": peer})
            await connection.close(code=WSCloseCode.INTERNAL_ERROR)
        finally:
            del self._sockets[connection]
            await connection.close()

    async def close(self) -> None:
        """Close every socket with 1001, and cancel whoever does not notice."""
        owners = {task for task in self._sockets.values() if task is not None}
        closing = [one.close(code=WSCloseCode.GOING_AWAY) for one in self._sockets]
        await asyncio.gather(*closing, return_exceptions=True)
        if owners:
            _, stubborn = await asyncio.wait(owners, timeout=CLOSE_TIMEOUT)
            for task in stubborn:
                task.cancel()
            await asyncio.gather(*stubborn, return_exceptions=True)


class _Patience(web.Server):
    """The protocol side: ends connections that do not come to a request in time, or are too many.

    aiohttp itself waits for a first request without a limit.
    """

    def __init__(self, sockets: EventSocketServer) -> None:
        super().__init__(self._respond, access_log=None, logger=_MUTE)
        self._door = sockets
        self._opening: dict[RequestHandler, asyncio.TimerHandle] = {}

    def __call__(self) -> RequestHandler:
        protocol = super().__call__()
        loop = asyncio.get_running_loop()
        if len(self._opening) < MOST_OPENING:
            self._opening[protocol] = loop.call_later(OPEN_TIMEOUT, self._expire, protocol)
        else:
            # Not in the next step but in the one after: by then it has its transport.
            loop.call_soon(loop.call_soon, self._drop, protocol, "too_many_handshakes")
        return protocol

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        timer = self._opening.pop(request.protocol, None)
        if timer is not None:
            timer.cancel()
        return await self._door.respond(request)

    def _expire(self, protocol: RequestHandler) -> None:
        del self._opening[protocol]
        self._drop(protocol, "no_handshake")

    def _drop(self, protocol: RequestHandler, reason: str) -> None:
        transport = protocol.transport
        address = transport.get_extra_info("peername") if transport is not None else None
        self._door.refuse(str(address[0]) if address else "", reason)
        protocol.force_close()


@asynccontextmanager
async def accept_event_sockets(door: Door, receive: Receive) -> AsyncGenerator[EventSocketServer]:
    """Listen for Asterisk's outbound websockets.

    `receive` gets each socket that comes, and has it until it returns, which closes it. At the
    end every socket is closed with 1001, and a `receive` that does not notice is cancelled.

    Raises:
        OSError: the address can't be had.
    """
    sockets = EventSocketServer(door.credentials, door.path, receive)
    runner = web.ServerRunner(_Patience(sockets), shutdown_timeout=CLOSE_TIMEOUT)
    await runner.setup()
    try:
        site = web.TCPSite(runner, door.host, door.port, ssl_context=door.tls, backlog=MOST_OPENING)
        await site.start()
        sockets.port = runner.addresses[0][1]
        try:
            yield sockets
        finally:
            await site.stop()  # first: Asterisk comes again within a millisecond
            await sockets.close()
    finally:
        await runner.cleanup()
