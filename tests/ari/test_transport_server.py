"""Sockets that Asterisk opens to us: who comes in, who does not, and what it costs."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ari_serving import until
from dialogari.ari.models import ApplicationRegistered, RESTResponse, StasisStart, decode_event
from dialogari.ari.request import Request
from dialogari.ari.transport.server import Credentials, EventSocketServer, accept_event_sockets
from dialogari.sandbox.outbound import OutboundSocket
from either_pbx import RealPhone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.ari.transport.websocket import EventSocket
    from dialogari.sandbox.asterisk import Asterisk

T = TypeVar("T")
CREDENTIALS = Credentials("asterisk", "pa:ss; wörd")
PATH = "/events"
PING = Request("GET", "asterisk/ping", repeatable=True)


@dataclass(slots=True)
class Reception:
    """Takes every socket and reads it until it ends."""

    sockets: list[EventSocket] = field(default_factory=list["EventSocket"])
    events: list[Any] = field(default_factory=list[Any])
    ended: int = 0

    async def receive(self, socket: EventSocket) -> None:
        """Have a socket until it ends."""
        self.sockets.append(socket)
        await socket.read(lambda frame: self._take(frame, socket))
        self.ended += 1

    def _take(self, frame: bytes, socket: EventSocket) -> None:
        event = decode_event(frame)
        if isinstance(event, RESTResponse):
            socket.resolve(event)
        else:
            self.events.append(event)

    def of_type(self, kind: type[T]) -> list[T]:
        """Return the events of a type that have come."""
        return [event for event in self.events if isinstance(event, kind)]


@asynccontextmanager
async def listening(reception: Reception) -> AsyncGenerator[EventSocketServer]:
    """Listen on a free port."""
    async with accept_event_sockets(
        "127.0.0.1", 0, CREDENTIALS, reception.receive, path=PATH
    ) as server:
        yield server


@asynccontextmanager
async def connected_out(
    asterisk: Asterisk, server: EventSocketServer, app: str, *, per_call: bool = False
) -> AsyncGenerator[OutboundSocket]:
    """Have an Asterisk connect to a server of ours."""
    outbound = OutboundSocket(
        f"out-{secrets.token_hex(4)}",
        f"ws://127.0.0.1:{server.port}{PATH}?from=asterisk",
        CREDENTIALS.username,
        CREDENTIALS.password,
        (app,),
        per_call=per_call,
    )
    await asterisk.connect_out(outbound)
    try:
        yield outbound
    finally:
        await asterisk.disconnect_out(outbound.name)


async def test_persistent(real: Asterisk, app: str) -> None:
    """Asterisk comes in once for all calls; events and commands pass as on a socket of ours."""
    reception = Reception()
    async with listening(reception) as server, connected_out(real, server, app):
        await until(lambda: reception.of_type(ApplicationRegistered))
        assert (await reception.sockets[0].send(PING, 2.0)).status == 200

        phone = RealPhone(real)
        await phone.call(app)
        await until(lambda: reception.of_type(StasisStart))
        await phone.hang_up()

    assert reception.of_type(StasisStart)[0].application == app
    assert len(reception.sockets) == reception.ended == 1
    assert server.refused == 0


async def test_per_call(real: Asterisk, app: str) -> None:
    """Asterisk comes in once for each call, which has an application of its own."""
    reception = Reception()
    phones = [RealPhone(real), RealPhone(real)]
    async with listening(reception) as server, connected_out(real, server, app, per_call=True):
        await asyncio.gather(*(phone.call(app) for phone in phones))
        await until(lambda: len(reception.of_type(StasisStart)) == 2)
        for phone in phones:
            await phone.hang_up()

    starts = reception.of_type(StasisStart)
    assert {start.application for start in starts} == {
        f"{app}:{start.channel.name}" for start in starts
    }
    assert len(reception.sockets) == 2
