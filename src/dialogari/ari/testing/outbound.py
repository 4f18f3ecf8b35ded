"""The sockets that Asterisk opens to an application: one for all calls, or one for each.

All that is particular to them is here (measured on 22.10.1):

* The handshake has `Authorization: Basic` and the subprotocol `ari`, and no User-Agent.
* After the first connection each application is told `ApplicationRegistered`, then what has waited.
  After every later one what has waited comes first.
* While the server is away events wait without limit; a lost socket is tried again at once, then
  after every interval. What was under way when it broke, answers above all, is lost.
* A persistent socket tries for ever, and calls enter Stasis while it is down. A call with a socket
  of its own enters after the poll of half a second, gives up after so many tries, its
  STASISSTATUS then FAILED whether it had been connected or not, and has its socket closed with
  1000 three seconds after StasisEnd. Its application is named after its channel.
* A call that is back within these three seconds has a new socket, without a greeting, which hears
  nothing any more once the old one closes; commands are still answered.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections import deque
from dataclasses import dataclass, field
from socket import SHUT_RDWR
from typing import TYPE_CHECKING

import aiohttp

from dialogari.ari.models import ApplicationRegistered
from dialogari.ari.testing.exchange import encode, now
from dialogari.ari.testing.rest import Thread
from dialogari.ari.testing.socket import LARGEST_MESSAGE

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from dialogari.ari.testing.dispatch import Dispatcher

CONNECT_TIMEOUT = 0.5
CLOSE_TIMEOUT = 1.0
UNSAID = ("Accept", "Accept-Encoding", "User-Agent")
FOR_EVER = -1


@dataclass(frozen=True, slots=True)
class Outbound:
    """Where Asterisk connects to. Its times are far shorter than a real one's, for tests."""

    url: str
    """`ws://HOST:PORT/PATH`, a query included."""
    username: str
    """Who Asterisk says it is, in a Basic header."""
    password: str = field(repr=False)
    applications: tuple[str, ...]
    per_call: bool = False
    """Whether each call has a socket of its own, rather than all of them one for ever."""
    interval: float = 0.05
    """Seconds between two tries; Asterisk's own is 0.5."""
    attempts: int = 4
    """Tries before a call with a socket of its own goes on without."""
    poll: float = 0.0
    """Seconds from the connection of such a call to its StasisStart; a real one's are 0.5."""
    linger: float = 0.1
    """Seconds from StasisEnd to the end of such a call's socket; a real one's are 3."""

    @property
    def headers(self) -> dict[str, str]:
        """What the handshake says."""
        token = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {token}"}


@dataclass(frozen=True, slots=True)
class _Frame:
    content: bytes
    binary: bool = False
    only_by: aiohttp.ClientWebSocketResponse | None = None
    """The one connection that it is for."""


class OutboundSocket:
    """One socket to a server; events that are sent while it is not connected wait."""

    def __init__(
        self, outbound: Outbound, applications: tuple[str, ...], dispatcher: Dispatcher
    ) -> None:
        self.outbound = outbound
        self.applications = applications
        self._dispatcher = dispatcher
        self._waiting: deque[_Frame] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self._connections = 0
        self._connection: aiohttp.ClientWebSocketResponse | None = None

    def send(self, frame: bytes, *, binary: bool = False) -> None:
        """Send an event, now or when there is a connection."""
        self._put(_Frame(frame, binary))

    def _put(self, frame: _Frame) -> None:
        self._waiting.append(frame)
        self._news.set()

    def forget(self) -> None:
        """Be as new: Asterisk has begun anew."""
        self._waiting.clear()
        self._connections = 0

    def cut(self) -> None:
        """End the connection without a word; it is tried again at once."""
        connection, self._connection = self._connection, None
        if connection is not None:
            _cut(connection)

    def end(self) -> None:
        """Close it, with 1000, once all is sent."""
        self._ended = True
        self._news.set()

    async def drop(self, code: int | None) -> None:
        """End the connection with a code, or without a word; it is tried again at once."""
        if code is None:
            self.cut()
            return
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(code=code)

    async def run(self, open_for_us: asyncio.Event, connected: Callable[[], bool]) -> bool:
        """Connect, again and again until it is ended; return whether it has been given up before.

        `connected` is called at the first connection and says whether it is greeted; nothing is
        tried while `open_for_us` is not set.
        """
        limit = self.outbound.attempts if self.outbound.per_call else FOR_EVER
        failed = 0
        async with aiohttp.ClientSession(skip_auto_headers=UNSAID) as session:
            while not self._ended and failed != limit:
                await open_for_us.wait()
                try:
                    connection = await self._connect(session)
                except (aiohttp.ClientError, TimeoutError):
                    failed += 1
                    await asyncio.sleep(self.outbound.interval)
                    continue
                failed = 0
                if open_for_us.is_set():
                    await self._use(connection, connected)
                else:
                    await connection.close()
        return not self._ended

    async def _connect(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await session.ws_connect(
                self.outbound.url,
                headers=self.outbound.headers,
                protocols=("ari",),
                max_msg_size=LARGEST_MESSAGE,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),  # pyright: ignore[reportCallIssue] - attrs makes it
            )

    async def _use(
        self, connection: aiohttp.ClientWebSocketResponse, connected: Callable[[], bool]
    ) -> None:
        self._connections += 1
        self._connection = connection
        registered = [_Frame(self._registration(app)) for app in self.applications]
        if self._connections > 1:
            self._waiting.extend(registered)
        elif connected():
            self._waiting.extendleft(reversed(registered))
        self._news.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                writing = tasks.create_task(self._write(connection))
                await self._read(connection)
                writing.cancel()
        finally:
            self._connection = None
            await connection.close()

    async def _write(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            while self._waiting and self._connection is connection:
                frame = self._waiting.popleft()
                if frame.only_by not in (None, connection):
                    continue  # an answer to who is gone
                try:
                    if frame.binary:
                        await connection.send_bytes(frame.content)
                    else:
                        await connection.send_str(frame.content.decode())
                except ConnectionError:
                    self._waiting.appendleft(frame)
                    return
            if self._ended:
                await connection.close()
                return
            self._news.clear()
            await self._news.wait()

    async def _read(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        thread = Thread()
        answers = _Answers(self._put, connection)
        async for message in connection:
            if message.type is aiohttp.WSMsgType.TEXT:
                text = str(message.data)
                await self._dispatcher.answer_text(answers, self.applications[0], text, thread)

    @staticmethod
    def _registration(application: str) -> bytes:
        return encode(ApplicationRegistered(application=application, timestamp=now()))


@dataclass(frozen=True, slots=True)
class _Answers:
    """The way of answers: over the connection by which the request came, or not at all."""

    put: Callable[[_Frame], None]
    connection: aiohttp.ClientWebSocketResponse

    def send(self, frame: bytes, *, binary: bool = False) -> None:
        """Send an answer, in its turn."""
        self.put(_Frame(frame, binary, self.connection))

    def abort(self) -> None:
        """End the connection without a word."""
        _cut(self.connection)


def _cut(connection: aiohttp.ClientWebSocketResponse) -> None:
    """End a connection without a word."""
    plain: socket.socket | None = connection.get_extra_info("socket")
    if plain is not None:
        with contextlib.suppress(OSError):  # it has ended by itself
            plain.shutdown(SHUT_RDWR)
