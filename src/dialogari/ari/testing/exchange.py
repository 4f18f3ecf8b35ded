"""What a FakeAsterisk knows, and the one way in which events leave it.

Nothing here does I/O except through `Link`. Events go out in the order in which they are told;
those that a REST command causes may be held back until its answer is out (`hold`), and then none
about the same channel or bridge overtakes them.
"""

from __future__ import annotations

import itertools
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from dialogari.ari.models import ApplicationReplaced, ChannelUserevent, StasisEnd
from dialogari.ari.testing.applications import EVERYTHING, Registration
from dialogari.ari.testing.callee import Callees
from dialogari.ari.testing.clock import Clock
from dialogari.ari.testing.sounds import Sounds

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Generator, Sequence

    from dialogari.ari.models import Event, StoredRecording
    from dialogari.ari.testing.applications import Link
    from dialogari.ari.testing.bridge import Bridge
    from dialogari.ari.testing.leg import Leg
    from dialogari.ari.testing.playback import Play
    from dialogari.ari.testing.recording import Recording

    Door = Callable[[Leg, Sequence[str]], asyncio.Event]

ASTERISK_ID = "02:00:00:00:00:01"


@dataclass(slots=True)
class Held:
    """Events that wait for an answer to be out."""

    events: list[Event] = field(default_factory=list["Event"])

    def concerns(self, event: Event) -> bool:
        """Tell whether one of them is about something that this event is about."""
        keys = set(event.keys())  # a method of events, none of dict
        return any(not keys.isdisjoint(earlier.keys()) for earlier in self.events)


@dataclass(slots=True)
class Exchange:
    """The state of one FakeAsterisk."""

    applications: dict[str, Registration] = field(default_factory=dict[str, Registration])
    legs: dict[str, Leg] = field(default_factory=dict[str, "Leg"])
    """By channel id; until they hang up."""
    bridges: dict[str, Bridge] = field(default_factory=dict[str, "Bridge"])
    playbacks: dict[str, Play] = field(default_factory=dict[str, "Play"])
    recordings: dict[str, Recording] = field(default_factory=dict[str, "Recording"])
    """Those that run or wait, by name."""
    stored: dict[str, StoredRecording] = field(default_factory=dict[str, "StoredRecording"])
    devices: dict[str, str] = field(default_factory=dict[str, str])
    """Device states that were set over ARI."""
    endpoints: dict[str, str] = field(default_factory=lambda: {"PJSIP/caller": "offline"})
    """By technology and name: the state."""
    variables: dict[str, str] = field(default_factory=dict[str, str])
    """Global ones."""
    extensions: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = field(
        default_factory=dict[tuple[str, str], tuple[str, tuple[str, ...]]]
    )
    """By context and extension: the application and arguments of the Stasis() that stands there."""
    doors: dict[str, Door] = field(default_factory=dict[str, "Door"])
    """By application: how a call gets a socket of its own there."""
    callees: Callees = field(default_factory=Callees)
    sounds: Sounds = field(default_factory=Sounds)
    clock: Clock = field(default_factory=Clock)
    leaving: dict[str, asyncio.Event] = field(default_factory=dict[str, "asyncio.Event"])
    """By channel id; set once the StasisEnd is sent."""
    swallow_user_events: bool = False
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    _collecting: Held | None = None
    _held: list[Held] = field(default_factory=list[Held])

    def reset(self) -> None:
        """Forget all calls and applications, as an Asterisk does that is killed."""
        self.clock.stop()
        for leg in self.legs.values():
            leg.lose()
        for known in (self.applications, self.legs, self.bridges, self.playbacks, self.recordings):
            known.clear()
        self.devices.clear()

    def next_channel_id(self) -> str:
        """Return an id of the form that an Asterisk with a system name gives."""
        return f"fake-{int(time.time())}.{next(self.numbers)}"

    def register(self, name: str, link: Link, *, everything: bool = False) -> None:
        """Give an application's events to a socket; one that had them is told, and stays open.

        `everything` subscribes to all there is, unless the application is known already, in
        which case Asterisk ignores it (measured on 22.10.1).
        """
        if name not in self.applications:
            self.applications[name] = Registration(name)
            for kind in EVERYTHING if everything else ():
                self.applications[name].subscribe(f"{kind}:")
        known = self.applications[name]
        if known.link is not None:
            self.send(ApplicationReplaced(application=name, timestamp=now()))
        known.link = link

    def unregister(self, link: Link) -> None:
        """Forget a socket that has closed, wherever it still counts."""
        for known in list(self.applications.values()):
            if known.link is link:
                self.silence(known.name)

    def silence(self, name: str) -> None:
        """Let nobody have an application's events any more, whoever had them."""
        known = self.applications.get(name)
        if known is not None:
            known.link = None
            self.forget_if_unused(name)

    def is_listening(self, name: str) -> bool:
        """Tell whether Stasis() of this application would not fail at once."""
        known = self.applications.get(name)
        return known is not None and known.link is not None

    def forget_if_unused(self, name: str) -> None:
        """Drop an application that nothing holds any more."""
        known = self.applications.get(name)
        if known is not None and not known.is_used:
            del self.applications[name]

    def subscribe(self, application: str, key: str) -> None:
        """Let an application hear of something, if it is known."""
        if application in self.applications:
            self.applications[application].subscribe(key)

    def unsubscribe(self, application: str, key: str) -> None:
        """Take one subscription back."""
        if application in self.applications:
            self.applications[application].unsubscribe(key)
            self.forget_if_unused(application)

    def forget(self, key: str) -> None:
        """End all subscriptions to something that is no more."""
        for known in list(self.applications.values()):
            if known.interests.pop(key, 0):
                self.forget_if_unused(known.name)

    def rename(self, key: str, new_key: str) -> None:
        """Let who heard of something hear of what it has become."""
        for known in self.applications.values():
            if key in known.interests:
                known.interests[new_key] = known.interests.pop(key)

    def tell(self, event: Event, *keys: str) -> None:
        """Send an event to each application that hears of any of these."""
        for known in list(self.applications.values()):
            if known.hears(keys):
                self.send(msgspec.structs.replace(event, application=known.name))

    def send(self, event: Event) -> None:
        """Send an event to its application, in its turn; without a listener it is lost."""
        if self.swallow_user_events and isinstance(event, ChannelUserevent):
            return
        batch = self._collecting
        if batch is None:
            batch = next((held for held in self._held if held.concerns(event)), None)
        if batch is not None:
            batch.events.append(event)
        else:
            self._send_now(event)

    @contextmanager
    def hold(self) -> Generator[Held]:
        """Keep what is told meanwhile, until `release`."""
        self._collecting = batch = Held()
        self._held.append(batch)
        try:
            yield batch
        finally:
            self._collecting = None

    def release(self, batch: Held) -> None:
        """Send what was kept."""
        if batch not in self._held:
            return
        self._held.remove(batch)
        for event in batch.events:
            self.send(event)

    def drop(self, batch: Held) -> None:
        """Never send what was kept."""
        self._held.remove(batch)
        for event in batch.events:
            if isinstance(event, StasisEnd) and event.channel.id in self.leaving:
                self.leaving.pop(event.channel.id).set()

    def _send_now(self, event: Event) -> None:
        self.deliver(event.application, event.type, encode(event))
        if isinstance(event, StasisEnd) and event.channel.id in self.leaving:
            self.leaving.pop(event.channel.id).set()

    def deliver(self, application: str, kind: str, frame: bytes) -> None:
        """Send a frame to an application, unless its filter refuses the type."""
        known = self.applications.get(application)
        if known is None or known.link is None or known.stuck or not known.passes(kind):
            return
        known.link.send(frame)


def encode(event: Event) -> bytes:
    """Return an event's frame."""
    return msgspec.json.encode(msgspec.structs.replace(event, asterisk_id=ASTERISK_ID))


def now() -> str:
    """Return the time as Asterisk writes it: milliseconds, and an offset without a colon."""
    moment = datetime.now(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"
