"""How far a fetch or a start has come, for a progress bar."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One report; `done` grows within a step and starts anew with the next one."""

    step: str
    """What is being done, for a person to read."""
    done: int
    """Bytes so far."""
    total: int | None
    """Bytes in all; None while nobody knows."""
