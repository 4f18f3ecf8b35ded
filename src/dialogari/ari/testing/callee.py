"""How endpoints behave that a FakeAsterisk calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

BUSY = 17
"""Cause of a line that is in use (ITU-T Q.850), as the following ones."""
NO_ANSWER = 19
REJECTED = 21
CONGESTION = 34
TECHNOLOGIES = ("IAX2", "Local", "PJSIP", "SIP")


@dataclass(frozen=True, slots=True)
class Callee:
    """Whoever is at an endpoint. By default answers at once."""

    after: float | None = 0.0
    """Seconds until it answers or refuses; None: only when the test says so."""
    cause: int | None = None
    """Refuses with this cause: 17 busy, 21 rejected, 34 congestion. None: it answers."""
    rings: bool = False
    """Whether it says that it rings."""


@dataclass(slots=True)
class Callees:
    """The callees by endpoint, where `*` stands for anything."""

    known: dict[str, Callee] = field(default_factory=dict[str, Callee])

    def find(self, endpoint: str) -> Callee:
        """Return who is at an endpoint; what was set last counts."""
        for pattern, callee in reversed(self.known.items()):
            if fnmatchcase(endpoint, pattern):
                return callee
        return Callee()
