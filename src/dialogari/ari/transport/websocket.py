"""The events socket of one application, and commands over it, whoever opened it.

Asterisk executes the commands of a socket strictly one after the other and answers them in that
order, with events in between. A message may have at most 65,535 bytes, or Asterisk closes with
1009. Asterisk never pings, so we do; it must never be sent a pong it did not ask for, which
crashes 22.11.0-rc1 and 23.5.0-rc1 (aiohttp sends none). All measured or read in its source.

aiohttp reads frames in C, at a third of the CPU of a reader in Python (`bench/ari.py`).
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlencode

import aiohttp
import msgspec
from aiohttp import web

from dialogari.ari.errors import Unauthorized, UnknownOutcome, Unreachable
from dialogari.ari.request import Request, Response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from dialogari.ari.models import RESTResponse
    from dialogari.ari.transport import Server

Connection: TypeAlias = "aiohttp.ClientWebSocketResponse[bool] | web.WebSocketResponse[bool]"

HEARTBEAT = 10.0
"""Seconds without a frame after which Asterisk is pinged; it has half of that to answer."""
OPEN_TIMEOUT = 5.0
CLOSE_TIMEOUT = 1.0
LARGEST_EVENT = 64 * 1024 * 1024
"""Bytes; GET /channels in one frame has about 430 a channel, so 4 MiB would end at 9,700 calls."""
LARGEST_COMMAND = 60_000
"""Bytes of one message to Asterisk, its limit being 65,535."""

_AT_ONCE = 128
"""Frames read before whoever they are for gets a turn. Of a flood aiohttp hands over some 450 at a
time, and the first have left the processor's cache before they are looked at: a tenth more CPU an
event, quiet or beside a busy neighbour (measured in one process: 5.5 and 8.1 us, here 5.0 and 7.3).
"""
_DATA = frozenset({aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY})


class _Command(msgspec.Struct, tag="RESTRequest", omit_defaults=True):
    """A RESTRequest as it goes over the wire."""

    request_id: str
    method: str
    uri: str
    content_type: str = ""
    message_body: str = ""


class EventSocket:
    """One connected websocket. Whoever reads it hands answers back to `resolve`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Response | None]] = {}
        self.overdue = False
        """A command was not answered in time. They are executed in order, so whatever is behind it
        waits too, or its answer is held back as well: until one comes, use another way."""
        self._unread = False
        self._peeked: bytes | None = None

    async def peek(self, seconds: float) -> bytes | None:
        """Return the first frame, which `read` will give again; None: none came in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                message = await self._connection.receive()
                if message.type in _DATA:
                    self._peeked = message.data
        return self._peeked

    async def read(self, take: Callable[[bytes], None]) -> None:
        """Give every frame to `take` as it comes; returns when the socket ends, whatever ended it.

        Events come in single text frames of any size. `take` must not block: Asterisk drops a
        socket that does not read for `websocket_write_timeout` (0.1 s by default).
        """
        receive = self._connection.receive
        try:
            if self._peeked is not None:
                take(self._peeked)
            while True:
                for _ in range(_AT_ONCE):
                    message = await receive()
                    if message.type not in _DATA:
                        return
                    take(message.data)
                await asyncio.sleep(0)
        finally:
            self._unread = True
            self._give_up_waiting()

    @property
    def close_code(self) -> int | None:
        """The code the socket was closed with (RFC 6455, section 7.4); None while it is open."""
        return self._connection.close_code

    async def send(self, request: Request, seconds: float) -> Response:
        """Send a command and wait for its RESTResponse."""
        if self._unread:
            raise Unreachable("nobody reads the answers of the events socket any more")
        number = str(next(self._numbers))
        message = msgspec.json.encode(_command(number, request))
        if len(message) > LARGEST_COMMAND:
            raise Unreachable("the command is too long for the events socket")
        waiting: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            async with asyncio.timeout(seconds):
                await self._connection.send_frame(message, aiohttp.WSMsgType.TEXT)
                answer = await waiting
        except TimeoutError as error:
            self.overdue = True
            raise UnknownOutcome(str(request)) from error
        except ConnectionError as error:
            raise UnknownOutcome(str(request)) from error
        finally:
            self._waiting.pop(number, None)
        if answer is None:
            raise UnknownOutcome(str(request))
        return answer

    def resolve(self, response: RESTResponse) -> None:
        """Give an answer to the command that waits for it; a late one is nobody's."""
        self.overdue = False
        waiting = self._waiting.get(response.request_id)
        if waiting is not None and not waiting.done():
            body = (response.message_body or "").encode()
            waiting.set_result(Response(response.status_code, body))

    def _give_up_waiting(self) -> None:
        """Tell every waiting command that its answer is lost."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(None)


def _command(number: str, request: Request) -> _Command:
    command = _Command(number, request.method, request.path)
    if request.body:
        command.content_type = "application/json"
        command.message_body = request.body.decode()
    return command


@asynccontextmanager
async def open_event_socket(
    server: Server, application: str, *, subscribe_all: bool = False
) -> AsyncGenerator[EventSocket]:
    """Connect as the one client of an application.

    Raises:
        Unauthorized: Asterisk refused the user.
        Unreachable: it is not there, or still starting.
    """
    query = urlencode({"app": application, "subscribeAll": str(subscribe_all).lower()})
    async with aiohttp.ClientSession() as session:
        connection = await _open(session, server, f"{server.websocket_url}/events?{query}")
        try:
            yield EventSocket(connection)
        finally:
            await connection.close()


async def _open(session: aiohttp.ClientSession, server: Server, url: str) -> Connection:
    try:
        async with asyncio.timeout(OPEN_TIMEOUT):
            return await session.ws_connect(
                url,
                headers={"Authorization": server.authorization, "User-Agent": "dialogari"},
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),  # pyright: ignore[reportCallIssue] - attrs makes it
                heartbeat=HEARTBEAT,
                compress=0,
                max_msg_size=LARGEST_EVENT,
                decode_text=False,
            )
    except aiohttp.WSServerHandshakeError as error:
        if error.status in {401, 403}:
            raise Unauthorized(error.status) from error
        raise Unreachable(f"HTTP {error.status} to the websocket") from error
    except aiohttp.ClientConnectorError as error:
        raise Unreachable(type(error.os_error).__name__) from error
    except (OSError, TimeoutError, aiohttp.ClientError) as error:
        raise Unreachable(type(error).__name__) from error
