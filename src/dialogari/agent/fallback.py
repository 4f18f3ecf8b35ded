"""Who is asked when the first model fails before a caller could hear a word of it. No I/O.

Once something has been said, no other model can go on with the sentence: then a failure is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


@dataclass(frozen=True, slots=True)
class Fallback:
    """The setting."""

    model: str
    """`provider:model`, as `Models.resolve` returned it."""
    first_token: float
    """Seconds that another model has for its first token before this one is asked instead."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One model to ask."""

    model: str
    first_token: float | None
    """Seconds for the first token; None: the turn's deadline alone counts."""


def plan(
    model: str, fallback: Fallback | None, *, patient: bool, skipped: Collection[str] = ()
) -> Sequence[Attempt]:
    """Return the models to ask, in order; the last one has the rest of the turn.

    `patient`: the first model's first token may take what it takes. `skipped`: models that failed
    lately. Where another one is left they come last, and nobody is cut short for one of them.
    """
    if fallback is None or fallback.model == model:
        return (Attempt(model, None),)
    if fallback.model in skipped:
        return (Attempt(model, None), Attempt(fallback.model, None))
    if model in skipped:
        return (Attempt(fallback.model, None), Attempt(model, None))
    first = Attempt(model, None if patient else fallback.first_token)
    return (first, Attempt(fallback.model, None))
