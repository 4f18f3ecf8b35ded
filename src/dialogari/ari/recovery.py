"""What a client finds out after a gap in the events, told to listeners in the events' order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dialogari.ari.handles.call import Call


@dataclass(frozen=True, slots=True)
class Recovered:
    """The link is back, and the `Lost` and `Resumed` of this gap follow; once for each gap.

    From a link of a single call that has gone deaf it comes after each look at what is there.
    """

    generation: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """The link is back and this call is still in the application; events may have been missed.

    At most once for each call and gap. `generation` is the link's new number.
    """

    call: Call
    generation: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The link is back and this call is no longer in the application."""

    call: Call
    generation: int
