"""One application as a FakeAsterisk keeps it: whom its events go to, and what it hears of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from dialogari.ari.models import Application

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERYTHING = {
    "channel": "__AST_CHANNEL_ALL_TOPIC",
    "bridge": "__AST_BRIDGE_ALL_TOPIC",
    "endpoint": "__AST_ENDPOINT_ALL_TOPIC",
    "deviceState": "__AST_DEVICE_STATE_ALL_TOPIC",
}
"""What an application may hear of, and the name under which all of a kind is listed."""


class Link(Protocol):
    """A connected events socket."""

    def send(self, frame: bytes, *, binary: bool = False) -> None:
        """Send one frame, in its turn; one to a closed socket is lost without an error."""
        ...


class Nowhere:
    """The socket of a client that no test sees."""

    def send(self, frame: bytes, *, binary: bool = False) -> None:
        """Lose the frame."""
        del frame, binary


@dataclass(slots=True)
class Registration:
    """One application."""

    name: str
    link: Link | None = None
    """The socket its events go to; None: nobody listens."""
    allowed: Sequence[str] = ()
    disallowed: Sequence[str] = ()
    interests: Counter[str] = field(default_factory=Counter[str])
    """What it hears of, such as `channel:ID`, or `channel:` for all, and how often it asked to."""
    stuck: bool = False
    """Whether nothing reaches it any more while it looks well (asterisk issue 2170)."""

    @property
    def is_used(self) -> bool:
        """Whether Asterisk keeps it; subscriptions to all of a kind don't count, as measured."""
        return self.link is not None or any(not key.endswith(":") for key in self.interests)

    def passes(self, kind: str) -> bool:
        """Tell whether the event filter lets this type through."""
        return kind not in self.disallowed and (not self.allowed or kind in self.allowed)

    def subscribe(self, key: str) -> None:
        """Hear of something once more; who hears of all of its kind needs no more."""
        kind, _, name = key.partition(":")
        if not name:
            self.interests[key] = 1
        elif f"{kind}:" not in self.interests:
            self.interests[key] += 1

    def unsubscribe(self, key: str) -> None:
        """Take one subscription back."""
        self.interests[key] -= 1
        if self.interests[key] <= 0:
            del self.interests[key]

    def hears(self, keys: Sequence[str]) -> bool:
        """Tell whether it subscribed to any of these, or to all of their kind."""
        return any(
            key in self.interests or f"{key.partition(':')[0]}:" in self.interests for key in keys
        )

    def ids(self, kind: str) -> list[str]:
        """Return what it hears of, as `GET /applications/{name}` lists it."""
        prefix = f"{kind}:"
        names = [key.removeprefix(prefix) for key in self.interests if key.startswith(prefix)]
        return [name or EVERYTHING[kind] for name in names]

    def describe(self) -> Application:
        """Return it as `GET /applications/{name}` shows it."""
        return Application(
            name=self.name,
            channel_ids=self.ids("channel"),
            bridge_ids=self.ids("bridge"),
            endpoint_ids=self.ids("endpoint"),
            device_names=self.ids("deviceState"),
            events_allowed=[{"type": kind} for kind in self.allowed],
            events_disallowed=[{"type": kind} for kind in self.disallowed],
        )
