"""What Asterisk prints, its log among it, in a file of the sandbox's folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LINES = 15
_PORT_TAKEN = "Address already in use"


@dataclass(frozen=True, slots=True)
class Console:
    """The file `path`, which is appended to by every start of Asterisk."""

    path: Path

    def size(self) -> int:
        """Return the bytes so far; a position to read from."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def names_taken_port(self, start: int) -> bool:
        """Return whether Asterisk has complained, after position `start`, that a port is taken.

        It says so for HTTP and for SIP in the same words, and runs on without.
        """
        return _PORT_TAKEN in self._read(start)

    def end(self) -> str:
        """Return the last lines, fit to follow an error's message; empty when there are none."""
        lines = self._read(0).splitlines()[-_LINES:]
        return "".join(f"\n    {line}" for line in ("Its log ends:", *lines)) if lines else ""

    def _read(self, start: int) -> str:
        try:
            with self.path.open("rb") as log:
                log.seek(start)
                return log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
