"""The nouns of what a turn cost: each request to a model, its tokens, and who failed before.

They are part of the vocabulary of `dialogari.turn`, which speaks of them. Like it, this module
imports nothing of ours and does no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the model counted them; 0 where it did not say."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    """US dollars; None: nobody has told us this model's price."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request to a model begins; its `Asked` follows, unless nobody waits for it any longer."""

    model: str
    """`provider:model`."""
    began: float
    """On the event loop's clock."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a model, as it ended. A turn has several with tools or a fallback."""

    model: str
    """`provider:model`."""
    began: float = 0.0
    """On the event loop's clock."""
    seconds: float = 0.0
    first_token: float | None = None
    """Seconds until its first word or tool call; None: there was none."""
    reason: str = ""
    """Why it failed, as in `TurnError`; `….skipped`: not asked, as it failed lately; `….timeout`:
    the turn's time was up; `….cancelled`: nobody wanted to hear more; empty: it answered."""
    usage: Usage = field(default_factory=Usage)


def add_up(asked: Sequence[Asked]) -> Usage:
    """Return the tokens of all requests; their cost only where each one's is known."""
    used = [one.usage for one in asked if one.usage.input_tokens or one.usage.output_tokens]
    costs = [usage.cost for usage in used if usage.cost is not None]
    return Usage(
        sum(usage.input_tokens for usage in used),
        sum(usage.output_tokens for usage in used),
        sum(costs) if costs and len(costs) == len(used) else None,
    )
