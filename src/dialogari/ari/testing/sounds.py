"""What becomes of a FakeAsterisk's media: how long they last, and how they end."""

from __future__ import annotations

from dataclasses import dataclass, field

SHORT = 0.05
"""Seconds of a sound that nothing else is known of."""


@dataclass(frozen=True, slots=True)
class Fate:
    """How playing a medium goes."""

    seconds: float | None
    """None: until it is stopped."""
    end: str = "done"
    """State at the end: `done`, `failed`, or nothing where no event tells of any end."""


LOST = Fate(0.0, "")
"""A recording that is not there, or an unknown scheme: Asterisk forgets the playback silently."""


@dataclass(slots=True)
class Sounds:
    """Media by URI, without sound of course."""

    seconds: dict[str, float | None] = field(default_factory=dict[str, float | None])
    """By name, such as `hello-world`, or by URI; None: there is no such file."""

    def fate(self, uri: str, stored: set[str]) -> Fate:
        """Return how a media URI goes; `sound:silence/3` lasts three seconds, as in Asterisk."""
        scheme, _, name = uri.partition(":")
        known = uri if uri in self.seconds else name
        if known in self.seconds:
            seconds = self.seconds[known]
            return Fate(0.0, "failed") if seconds is None else Fate(seconds)
        if scheme == "tone":
            return Fate(None)
        if scheme == "recording" and name in stored:
            return Fate(SHORT)
        if scheme not in ("sound", "digits", "number", "characters"):
            return LOST
        kind, _, count = name.partition("/")
        return Fate(float(count) if kind == "silence" and count.isdecimal() else SHORT)
