"""What a FakeAsterisk knows: its applications and its calls, and the events their changes cause.

Nothing here does I/O except through `Link`, the one way events leave. A channel in Stasis keeps
its application alive without a socket; an application with neither is forgotten, as Asterisk does.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

from dialogari.ari.models import Application, ApplicationReplaced, ChannelUserevent, StasisEnd

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from dialogari.ari.models import Event
    from dialogari.ari.testing.call import FakeCall

ASTERISK_ID = "02:00:00:00:00:01"


class Link(Protocol):
    """A connected events socket."""

    async def send(self, frame: bytes) -> None:
        """Send one text frame; one to a closed socket is lost without an error."""
        ...


class Nowhere:
    """The socket of a client that no test sees."""

    async def send(self, frame: bytes) -> None:
        """Lose the frame."""


@dataclass(slots=True)
class Registration:
    """One application as Asterisk keeps it."""

    name: str
    link: Link | None = None
    """The socket its events go to; None: nobody listens."""
    allowed: Sequence[str] = ()
    disallowed: Sequence[str] = ()

    def passes(self, kind: str) -> bool:
        """Tell whether the event filter lets this type through."""
        return kind not in self.disallowed and (not self.allowed or kind in self.allowed)


@dataclass(slots=True)
class Exchange:
    """The state of one FakeAsterisk."""

    applications: dict[str, Registration] = field(default_factory=dict[str, Registration])
    calls: dict[str, FakeCall] = field(default_factory=dict[str, "FakeCall"])
    """By channel id; until they hang up."""
    leaving: dict[str, asyncio.Event] = field(default_factory=dict[str, "asyncio.Event"])
    """By channel id; set once the StasisEnd is sent: nothing of the channel may overtake it."""
    swallow_user_events: bool = False
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def next_channel_id(self) -> str:
        """Return an id of the form that an Asterisk with a system name gives."""
        return f"fake-{int(time.time())}.{next(self.numbers)}"

    async def register(self, name: str, link: Link) -> None:
        """Give an application's events to a socket; one that had them is told, and stays open."""
        known = self.applications.setdefault(name, Registration(name))
        if known.link is not None:
            await self.publish(ApplicationReplaced(application=name, timestamp=now()))
        known.link = link

    def unregister(self, link: Link) -> None:
        """Forget a socket that has closed, wherever it still counts."""
        for known in list(self.applications.values()):
            if known.link is link:
                known.link = None
                self.forget_if_unused(known.name)

    def forget_if_unused(self, name: str) -> None:
        """Drop an application that has neither a socket nor a channel."""
        known = self.applications.get(name)
        if known is not None and known.link is None and not self.channel_ids(name):
            del self.applications[name]

    def channel_ids(self, name: str) -> list[str]:
        """Return the channels that are in an application now."""
        return [call.id for call in self.calls.values() if call.application == name]

    def describe(self, known: Registration) -> Application:
        """Return an application as `GET /applications/{name}` shows it."""
        return Application(
            name=known.name,
            channel_ids=self.channel_ids(known.name),
            bridge_ids=[],
            endpoint_ids=[],
            device_names=[],
            events_allowed=[{"type": kind} for kind in known.allowed],
            events_disallowed=[{"type": kind} for kind in known.disallowed],
        )

    async def publish(self, event: Event) -> None:
        """Send an event to its application; without a listener it is lost."""
        if self.swallow_user_events and isinstance(event, ChannelUserevent):
            return
        frame = msgspec.json.encode(msgspec.structs.replace(event, asterisk_id=ASTERISK_ID))
        await self.deliver(event.application, event.type, frame)
        if isinstance(event, StasisEnd) and event.channel.id in self.leaving:
            self.leaving.pop(event.channel.id).set()

    async def deliver(self, application: str, kind: str, frame: bytes) -> None:
        """Send a frame to an application, unless its filter refuses the type."""
        known = self.applications.get(application)
        if known is not None and known.link is not None and known.passes(kind):
            await known.link.send(frame)


def now() -> str:
    """Return the time as Asterisk writes it: milliseconds, and an offset without a colon."""
    moment = datetime.now(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"
