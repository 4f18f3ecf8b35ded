"""What may go wrong with a REST command to a FakeAsterisk, told before it comes."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dialogari.ari.testing.rest import Command


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the commands it matches, on HTTP and on the events socket alike."""

    method: str = "*"
    path: str = "*"
    """Without `/ari/`; `*` stands for anything, as in `channels/*/variable`."""
    times: int | None = None
    """How many commands it meets; None: all, until `FakeAsterisk.heal`."""
    delay: float = 0.0
    """Seconds until the answer; the command is carried out at once."""
    status: int | None = None
    """Answer this instead of carrying the command out."""
    message: str = ""
    """The words of that answer; empty: those of Asterisk's 500."""
    silent: bool = False
    """Carry the command out, send its events and never answer."""
    cut: bool = False
    """Carry the command out, send its events, and end the connection instead of an answer."""
    events_first: bool | None = None
    """Send its events before the answer or after it; None: as Asterisk mostly does."""

    def matches(self, command: Command) -> bool:
        """Tell whether this command is meant."""
        path = "/".join(command.path)
        return fnmatchcase(command.method, self.method) and fnmatchcase(path, self.path)


@dataclass(slots=True)
class Faults:
    """The faults that wait for their command, the oldest first."""

    _waiting: list[tuple[Fault, Iterator[int]]] = field(
        default_factory=list[tuple[Fault, "Iterator[int]"]]
    )

    def add(self, fault: Fault) -> None:
        """Have a fault wait."""
        self._waiting.append((fault, count(1)))

    def take(self, command: Command) -> Fault:
        """Return the oldest fault for a command, or one that does nothing."""
        for place, (fault, met) in enumerate(self._waiting):
            if fault.matches(command):
                if next(met) == fault.times:
                    del self._waiting[place]
                return fault
        return Fault()

    def clear(self) -> None:
        """Forget them all."""
        self._waiting.clear()
