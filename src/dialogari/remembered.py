"""The nouns of long conversations: the turns that are told in full, and the summary of the others.

They are part of the vocabulary of `dialogari.turn`, which speaks of them. Like it, this module
imports nothing of ours and does no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Mark:
    """Which turn it was."""

    number: int
    started: datetime
    """Aware, in UTC."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a model wrote of the turns that are too many to be told in full."""

    text: str
    turns: int
    """Number of the last turn that it speaks of."""
    since: datetime
    """When the first one began; aware, in UTC."""
