"""Takes the sockets that Asterisk, or somebody else, opens to us."""

from __future__ import annotations

import base64
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from dialogari.ari.models import RESTResponse, decode_event
from dialogari.ari.transport.server import (
    Credentials,
    Door,
    EventSocketServer,
    accept_event_sockets,
)
from dialogari.sandbox.outbound import OutboundSocket

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator

    from dialogari.ari.transport.websocket import EventSocket
    from dialogari.sandbox.asterisk import Asterisk

T = TypeVar("T")

CREDENTIALS = Credentials("asterisk", "pa:ss; wörd")
PATH = "/events"


def basic(text: str, scheme: str = "Basic") -> str:
    """Return the value of an Authorization header."""
    return f"{scheme} {base64.b64encode(text.encode()).decode()}"


@dataclass(slots=True)
class Reception:
    """Takes every socket and reads it until it ends."""

    sockets: list[EventSocket] = field(default_factory=list["EventSocket"])
    frames: list[list[bytes]] = field(default_factory=list[list[bytes]])
    """What each socket brought, answers to commands left out."""
    ended: list[int] = field(default_factory=list[int])
    """Which sockets have ended, in that order."""

    async def receive(self, socket: EventSocket) -> None:
        """Have a socket until it ends."""
        number = len(self.sockets)
        self.sockets.append(socket)
        self.frames.append([])

        def take(frame: bytes) -> None:
            event = decode_event(frame)
            if isinstance(event, RESTResponse):
                socket.resolve(event)
            else:
                self.frames[number].append(frame)

        await socket.read(take)
        self.ended.append(number)

    def events(self, number: int) -> list[Any]:
        """Return what a socket has brought."""
        return [decode_event(frame) for frame in self.frames[number]]

    def types(self, number: int) -> list[str]:
        """Return the names of what a socket has brought."""
        return [type(event).__name__ for event in self.events(number)]

    def of_type(self, kind: type[T]) -> list[T]:
        """Return the events of a type that any socket has brought."""
        events = (event for number in range(len(self.frames)) for event in self.events(number))
        return [event for event in events if isinstance(event, kind)]


@asynccontextmanager
async def listening(
    reception: Reception, *, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[EventSocketServer]:
    """Listen, on a free port unless one is named."""
    async with accept_event_sockets(
        Door("127.0.0.1", port, CREDENTIALS, PATH, tls), reception.receive
    ) as server:
        yield server


@asynccontextmanager
async def connected_out(
    asterisk: Asterisk,
    port: int,
    app: str,
    *,
    per_call: bool = False,
    password: str = CREDENTIALS.password,
) -> AsyncGenerator[OutboundSocket]:
    """Have an Asterisk connect to this port."""
    outbound = OutboundSocket(
        f"out-{secrets.token_hex(4)}",
        f"ws://127.0.0.1:{port}{PATH}?from=asterisk",
        CREDENTIALS.username,
        password,
        (app,),
        per_call=per_call,
    )
    await asterisk.connect_out(outbound)
    try:
        yield outbound
    finally:
        await asterisk.disconnect_out(outbound.name)
