"""A program and an Asterisk, real or not, brought together in one of the three ways.

Between them is a cable that a test can cut, whoever connects to whom.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from ari_serving import Desk, unexpected, until
from cable import Cable
from dialogari.ari import Call, Client, Session, connect, listen
from dialogari.ari.testing import FakeAsterisk, Outbound
from dialogari.sandbox.asterisk import Asterisk
from dialogari.sandbox.outbound import OutboundSocket
from dialogari.sandbox.ports import choose_port
from either_pbx import LIMIT, FakePhone, Phone, RealPhone
from masquerade import telephone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from ari_serving import Handler

USERNAME, PASSWORD, PATH = "asterisk", "pa:ss; wörd", "/events"


class Way(StrEnum):
    """Who connects to whom."""

    INBOUND = "inbound"
    """We to Asterisk."""
    PERSISTENT = "persistent"
    """Asterisk to us, once for all calls."""
    PER_CALL = "per-call"
    """Asterisk to us, once for each call."""


FAKE_INBOUND, FAKE_PERSISTENT, FAKE_PER_CALL = FAKE = tuple(f"fake-{way}" for way in Way)
REAL_INBOUND, REAL_PERSISTENT, REAL_PER_CALL = NEWEST = tuple(f"asterisk-22-{way}" for way in Way)
OLDEST = "asterisk-16-inbound"
REAL = (*NEWEST, OLDEST)
ALL = (*FAKE, *REAL)
INBOUND = (FAKE_INBOUND, REAL_INBOUND, OLDEST)
PERSISTENT = (FAKE_PERSISTENT, REAL_PERSISTENT)
PER_CALL = (FAKE_PER_CALL, REAL_PER_CALL)
OUTBOUND = (*PERSISTENT, *PER_CALL)
ONE_LINK = (*INBOUND, *PERSISTENT)
"""Those on which one link carries all calls."""


def on(*names: str) -> pytest.MarkDecorator:
    """Mark a test that runs on these lines alone."""
    return pytest.mark.parametrize("place", names, indirect=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Which Asterisk, and which way."""

    asterisk: Asterisk | None
    """None: a FakeAsterisk."""
    way: Way


@dataclass(slots=True)
class Line:
    """One application on one Asterisk, in one of the ways."""

    server: FakeAsterisk | Asterisk
    way: Way
    app: str
    cable: Cable
    port: int
    """Where we listen, if it is us who do."""
    stays: bool = False
    """Asterisk goes on connecting to us when a client ends, as if that had died."""
    _phones: list[Phone] = field(default_factory=list[Phone])
    _outbound: OutboundSocket | Outbound | None = None

    @property
    def fake(self) -> FakeAsterisk:
        """The FakeAsterisk, where a test needs its levers."""
        assert isinstance(self.server, FakeAsterisk)
        return self.server

    @property
    def is_real(self) -> bool:
        """Whether it is a real Asterisk."""
        return isinstance(self.server, Asterisk)

    def phone(self) -> Phone:
        """Return one more telephone; its call is hung up in the end."""
        server = self.server
        made = FakePhone(server) if isinstance(server, FakeAsterisk) else RealPhone(server)
        self._phones.append(made)
        return made

    async def call(self, extension: str = "s") -> Phone:
        """Let a call enter the application; return its telephone."""
        phone = self.phone()
        await phone.call(self.app, extension=extension)
        return phone

    @asynccontextmanager
    async def client(self, *, subscribe_all: bool = False) -> AsyncGenerator[Client]:
        """Have a client that is connected, or listens."""
        if self.way is Way.INBOUND:
            async with connect(
                f"http://127.0.0.1:{self.cable.port}",
                self.app,
                username=self.server.username,
                password=self.server.password,
                subscribe_all=subscribe_all,
            ) as client:
                yield client
            return
        door: dict[str, Any] = {"username": USERNAME, "password": PASSWORD, "path": PATH}
        async with listen("127.0.0.1", self.port, self.app, **door) as client:
            await self.have_it_connect()
            yield client
            # First, since 22.10 may crash where a reload meets a socket that is trying to connect.
            if not self.stays:
                await self.have_it_stay_away()

    async def have_it_connect(self, *others: str) -> None:
        """Have Asterisk connect to us from now on; `others` are applications beside ours."""
        url = f"ws://127.0.0.1:{self.cable.port}{PATH}"
        apps, per_call = (self.app, *others), self.way is Way.PER_CALL
        if isinstance(self.server, FakeAsterisk):
            if self._outbound is None:
                self._outbound = Outbound(url, USERNAME, PASSWORD, apps, per_call, linger=1.0)
                await self.server.connect_out(self._outbound)
        elif self._outbound is None or others:
            self._outbound = OutboundSocket(
                f"out-{self.app}", url, USERNAME, PASSWORD, apps, per_call, reconnect_interval=100,
                reconnect_attempts=20,
            )  # fmt: skip
            await self.server.connect_out(self._outbound)

    async def have_it_stay_away(self) -> None:
        """Have Asterisk connect to us no more; sockets of calls stay as long as these do."""
        outbound, self._outbound = self._outbound, None
        if isinstance(outbound, OutboundSocket) and isinstance(self.server, Asterisk):
            await self.server.disconnect_out(outbound.name)
        elif isinstance(outbound, Outbound) and isinstance(self.server, FakeAsterisk):
            await self.server.disconnect_out(outbound)

    @asynccontextmanager
    async def serving(
        self, handler: Handler, *, resumed: Handler | None = None, subscribe_all: bool = False
    ) -> AsyncGenerator[Client]:
        """Serve the calls; where there can be a link without a call it is ready when it yields."""
        async with (
            self.client(subscribe_all=subscribe_all) as client,
            asyncio.TaskGroup() as tasks,
        ):
            task = tasks.create_task(client.serve(handler, resumed=resumed or unexpected))
            if self.way is not Way.PER_CALL:
                async with asyncio.timeout(LIMIT):
                    await client.wait_until_ready()
            try:
                yield client
            finally:
                task.cancel()

    @asynccontextmanager
    async def one_call(self) -> AsyncGenerator[Visit]:
        """Serve the application, with one call in it whose link is proven."""
        desk = Desk()
        async with self.serving(desk.hold) as client:
            phone = await self.call()
            call = await desk.first()
            await ready(call.session)
            yield Visit(client, call, phone, desk)

    async def close(self) -> None:
        """Hang up all calls, and have Asterisk connect to us no more."""
        for phone in self._phones:
            await phone.hang_up()
        await self.have_it_stay_away()

    def commands(self, name: str) -> list[bytes]:
        """Return the requests that went over HTTP and have this in their path."""
        wanted = name.encode()
        return [
            line
            for wire in self.cable.wires
            for line in bytes(wire.sent).split(b"\r\n")
            if line.endswith(b" HTTP/1.1") and wanted in line
        ]


@dataclass(slots=True)
class Visit:
    """One call that is being served."""

    client: Client
    call: Call
    phone: Phone
    desk: Desk


async def ready(session: Session) -> None:
    """Wait until a link is proven."""
    async with asyncio.timeout(LIMIT):
        await session.wait_until_ready()


async def gap(line: Line, *sessions: Session) -> None:
    """Cut the line, and wait until all of these are proven again."""
    before = [session.generation for session in sessions]
    line.cable.cut()
    for session, generation in zip(sessions, before, strict=True):
        await until(lambda: session.generation > generation)  # noqa: B023 - called at once


@asynccontextmanager
async def open_line(place: Place) -> AsyncGenerator[Line]:
    """Have a line, for one test."""
    async with AsyncExitStack() as stack:
        server: FakeAsterisk | Asterisk
        server = place.asterisk or await stack.enter_async_context(FakeAsterisk())
        port = choose_port(socket.SOCK_STREAM)
        target = (urlsplit(server.url).port or 0) if place.way is Way.INBOUND else port
        cable = await stack.enter_async_context(Cable(target))
        line = Line(server, place.way, f"app-{secrets.token_hex(4)}", cable, port)
        stack.push_async_callback(line.close)
        yield line


@asynccontextmanager
async def replaceable(line: Line) -> AsyncGenerator[Callable[[], Awaitable[object]]]:
    """Have a call in the application; yield what puts another channel in its place."""
    if not isinstance(line.server, Asterisk):
        call = await line.fake.enter_stasis(line.app)
        yield call.replace_with
        return
    port = line.server.sip_port
    async with telephone(port) as caller, telephone(port) as other:
        await caller.dial(line.app)
        yield lambda: other.take_over(caller)


async def filter_out(session: Session, *types: str) -> None:
    """Have no events of these types sent to an application."""
    disallowed = [{"type": name} for name in types]
    await session.applications.filter(session.application, filter={"disallowed": disallowed})
