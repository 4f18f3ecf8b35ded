"""Runs an ARI client for tests, with a handler that does what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import either_pbx
from dialogari.ari import Call, Client, LinkState, Server, connect
from dialogari.ari.models import RESTResponse, decode_event
from dialogari.ari.request import Request, Response, Send
from dialogari.ari.testing import FakeCall
from dialogari.ari.transport.websocket import EventSocket, open_event_socket
from either_pbx import LIMIT, Phone, bare_session, send

Handler = Callable[[Call], Awaitable[None]]
Operation = Callable[[Send], Awaitable[object]]


def server_of(asterisk: either_pbx.Server) -> Server:
    """Return what a client needs to know of an Asterisk."""
    return Server(asterisk.url, asterisk.username, asterisk.password)


def connect_to(asterisk: either_pbx.Server, app: str) -> Client:
    """Return a client of an application."""
    return connect(asterisk.url, app, username=asterisk.username, password=asterisk.password)


@asynccontextmanager
async def serving(
    asterisk: either_pbx.Server, app: str, handler: Handler, *, resumed: Handler | None = None
) -> AsyncGenerator[Client]:
    """Serve an application's calls; ready when it yields, cancelled at the end."""
    async with connect_to(asterisk, app) as client, asyncio.TaskGroup() as tasks:
        task = tasks.create_task(client.serve(handler, resumed=resumed or unexpected))
        async with asyncio.timeout(LIMIT):
            await client.wait_until_ready()
        try:
            yield client
        finally:
            task.cancel()


@asynccontextmanager
async def one_call(phone: Phone, app: str) -> AsyncGenerator[tuple[Client, Call]]:
    """Serve an application that has one call."""
    desk = Desk()
    async with serving(phone.server, app, desk.hold) as client:
        await phone.call(app)
        yield client, await desk.first()


async def soon(action: Awaitable[object], seconds: float = 0.3) -> None:
    """Do something in a while."""
    await asyncio.sleep(seconds)
    await action


UNEXPECTED: list[Call] = []
"""Calls that came where none should; a fixture fails the test that has one."""


async def unexpected(call: Call) -> None:
    """Handle a call that should not have come here."""
    UNEXPECTED.append(call)


async def until(condition: Callable[[], object], limit: float = LIMIT) -> None:
    """Wait until `condition()` is true."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.005)


async def _read(connected: EventSocket, events: list[Any]) -> None:
    """Do what a link does with a socket's frames."""

    def take(frame: bytes) -> None:
        event = decode_event(frame)
        if isinstance(event, RESTResponse):
            connected.resolve(event)
        else:
            events.append(event)

    await connected.read(take)


@asynccontextmanager
async def read_socket(server: Server, app: str, events: list[Any]) -> AsyncGenerator[EventSocket]:
    """Open an events socket that is read, its events into a list."""
    async with open_event_socket(server, app) as connected, asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(_read(connected, events))
        yield connected
        reading.cancel()


async def back_in_the_dialplan(phone: Phone, call: Call) -> None:
    """Wait until a call runs what stands after Stasis()."""
    url = f"{phone.server.url}/channels/{quote(call.id)}"
    async with bare_session(phone.server) as session, asyncio.timeout(LIMIT):
        while (await send(session, url, "GET")).body["dialplan"]["app_name"] != "Wait":
            await asyncio.sleep(0.005)


async def ready_again(client: Client) -> None:
    """Wait until the link has been down and is up."""
    await until(lambda: client.session.state is LinkState.CONNECTING)
    await until(lambda: client.session.state is LinkState.READY)


async def leave_by_itself(client: Client, call: FakeCall) -> None:
    """Let a call leave behind its handler's back, as TIMEOUT(absolute) does."""
    await client.session.channels.continue_in_dialplan(call.id)
    await call.left()


async def disallow(client: Client, app: str, *types: str) -> None:
    """Have no events of these types sent to an application."""
    disallowed = [{"type": name} for name in types]
    await client.session.applications.filter(app, filter={"disallowed": disallowed})


async def made(operation: Operation, answer: bytes = b"{}") -> Request:
    """Return the request that an operation sends; `answer` is what it gets."""
    sent: list[Request] = []

    async def send(request: Request) -> Response:
        sent.append(request)
        return Response(200, answer)

    await operation(send)
    (request,) = sent
    return request


@dataclass(slots=True)
class Desk:
    """Keeps every call until `go` is set, or its handler is cancelled, and remembers it."""

    calls: list[Call] = field(default_factory=list[Call])
    cancelled: list[Call] = field(default_factory=list[Call])
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(self, call: Call) -> None:
        """Handle a call."""
        self.calls.append(call)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.append(call)
            raise

    async def first(self) -> Call:
        """Return the first call, once it is there."""
        await until(lambda: self.calls)
        return self.calls[0]
