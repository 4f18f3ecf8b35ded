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
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import NegotiationError
from websockets.typing import Subprotocol

from dialogari.ari.transport.websocket import (
    CLOSE_TIMEOUT,
    LARGEST_EVENT,
    OPEN_TIMEOUT,
    PING_INTERVAL,
    PING_TIMEOUT,
    QUEUE,
    EventSocket,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from websockets.asyncio.server import Server
    from websockets.http11 import Request, Response

    Receive = Callable[[EventSocket], Awaitable[None]]

logger = logging.getLogger(__name__)

SUBPROTOCOL = Subprotocol("ari")
MOST_OPENING = 1000
"""Handshakes under way. When we come back, the sockets of all calls come at the same moment."""
MOST_TOLD = 1000
"""Refused peers that are remembered as told of; those after them are counted only."""

_MUTE = logging.Logger("websockets", logging.CRITICAL + 1)  # noqa: LOG001 - out of reach of settings
"""For the library, which at DEBUG logs headers, the password among them, and callers' words."""


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


class EventSocketServer:
    """A listening server; `accept_event_sockets` makes and closes it."""

    def __init__(self, credentials: Credentials, path: str, receive: Receive) -> None:
        self._credentials = credentials
        self._path = path
        self._receive = receive
        self._opening: set[ServerConnection] = set()
        self._told: set[tuple[str, str]] = set()
        self.port = 0
        self.refused = 0
        """Connections that did not become an events socket, whatever the reason."""

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None) -> Server:
        """Begin to listen. Raises OSError."""
        server = await serve(
            self._own,
            host,
            port,
            ssl=tls,
            backlog=MOST_OPENING,
            select_subprotocol=_select_subprotocol,
            process_request=self._check,
            process_response=self._note,
            create_connection=cast("type[ServerConnection]", self._make),
            server_header=None,
            compression=None,
            open_timeout=OPEN_TIMEOUT,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            max_size=LARGEST_EVENT,
            max_queue=QUEUE,
            logger=_MUTE,
        )
        self.port = server.sockets[0].getsockname()[1]
        return server

    def begin(self, connection: ServerConnection) -> None:
        """Note that a handshake is under way, or end it where there are too many."""
        if len(self._opening) < MOST_OPENING:
            self._opening.add(connection)
        else:
            self._refuse(connection, "too_many_handshakes")
            connection.transport.abort()

    def end(self, connection: ServerConnection) -> None:
        """Note that a connection is gone."""
        if connection in self._opening:
            self._opening.discard(connection)
            self._refuse(connection, "no_handshake")

    def _make(self, *arguments: object, **options: object) -> ServerConnection:
        connection = _Connection(*arguments, **options)  # type: ignore[arg-type]
        connection.door = self
        return connection

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        given = request.headers.get_all("Authorization")
        if len(given) != 1 or not self._credentials.match(given[0]):
            response = connection.respond(HTTPStatus.UNAUTHORIZED, "")
            response.headers["WWW-Authenticate"] = 'Basic realm="dialogari"'
            return response
        if urlsplit(request.path).path != self._path:
            return connection.respond(HTTPStatus.NOT_FOUND, "")
        return None

    def _note(self, connection: ServerConnection, _: Request, response: Response) -> None:
        self._opening.discard(connection)
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._refuse(connection, f"http_{response.status_code}")

    def _refuse(self, connection: ServerConnection, reason: str) -> None:
        self.refused += 1
        peer = _host(connection)
        if (peer, reason) not in self._told and len(self._told) < MOST_TOLD:
            self._told.add((peer, reason))
            logger.warning("ari_socket_refused", extra={"peer": peer, "reason": reason})

    async def _own(self, connection: ServerConnection) -> None:
        peer = _host(connection)
        self._told = {told for told in self._told if told[0] != peer}
        try:
            await self._receive(EventSocket(connection))
        except Exception:
            # One socket's fault must not end the others; the library would lose it.
            logger.exception("ari_socket_failed", extra={"peer": peer})
            raise


class _Connection(ServerConnection):
    """A connection that tells the server of its beginning and its end."""

    door: EventSocketServer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.door.begin(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.door.end(self)
        super().connection_lost(exc)


@asynccontextmanager
async def accept_event_sockets(
    host: str,
    port: int,
    credentials: Credentials,
    receive: Receive,
    *,
    path: str = "/",
    tls: ssl.SSLContext | None = None,
) -> AsyncGenerator[EventSocketServer]:
    """Listen for Asterisk's outbound websockets at `path`; port 0 takes a free one.

    `receive` gets each socket that comes, and has it until it returns, which closes it. At the
    end every socket is closed with 1001, and a `receive` that does not notice is cancelled.

    Raises:
        OSError: the address can't be had.
    """
    sockets = EventSocketServer(credentials, path, receive)
    server = await sockets.listen(host, port, tls)
    try:
        yield sockets
    finally:
        server.close()
        try:
            async with asyncio.timeout(2 * CLOSE_TIMEOUT):
                await server.wait_closed()
        except TimeoutError:
            for task in list(server.handler_tasks):
                task.cancel()
            await server.wait_closed()


def _select_subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    if not offered:
        return None
    if SUBPROTOCOL in offered:
        return SUBPROTOCOL
    raise NegotiationError("only ari is spoken here")


def _host(connection: ServerConnection) -> str:
    address: object = connection.remote_address
    return str(cast("tuple[object, ...]", address)[0]) if isinstance(address, tuple) else ""
