"""The nouns of what a model may decide about the call: where it goes next, and what is kept of it.

They are part of the vocabulary of `dialogari.turn`, which speaks of them. Nothing is done here and
nothing is done by the model: a decision becomes variables, and the dialplan carries it out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TARGET = re.compile(r"[0-9]|[A-Za-z0-9]\w{1,39}", re.ASCII)


class InvalidTelephoneError(ValueError):
    """A prompt can't offer this; the text says why."""


class PhoneAction(StrEnum):
    """What a prompt may let its model do by name; transfers are let by their targets."""

    HANG_UP = "hang_up"
    SEND_TO_VOICEMAIL = "send_to_voicemail"
    SET_FACT = "set_fact"


class Action(StrEnum):
    """What the call should do next; the dialplan reads it as AI_ACTION."""

    TRANSFER = "transfer"
    HANG_UP = "hangup"
    VOICEMAIL = "voicemail"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the model decided in a turn; it counts only where the turn ends ok."""

    action: Action | None = None
    target: str = ""
    """Of a transfer: a name from the prompt's list."""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    """To be kept, by names of `[A-Z0-9_]{1,50}`; an empty value takes one back."""


class CallControl(Protocol):
    """What can be asked of the call that a turn belongs to. Played by `dialogari.dialplan`."""

    async def has_target(self, name: str) -> bool | None:
        """Return whether the dialplan has a place for a transfer to `name`; None: can't be known.

        Never raises, but for cancellation.
        """
        ...


@dataclass(frozen=True, slots=True)
class Telephone:
    """What a model may decide in one turn, and the call it decides about."""

    actions: Sequence[str] = ()
    """Values of `PhoneAction`; others are ignored."""
    transfers: Sequence[str] = ()
    """Names of the targets it may transfer to; none: it may not."""
    control: CallControl | None = None
    """None: a turn without a call."""


def is_target(name: str) -> bool:
    """Return whether `name` can name a target: an extension that no Asterisk takes for another.

    Single letters are those that have a meaning of their own (`s`, `i`, `t`, `h` …).
    """
    return _TARGET.fullmatch(name) is not None


def check_telephone(actions: Sequence[str], transfers: Sequence[str]) -> None:
    """Let pass what a prompt can offer. Raises InvalidTelephoneError."""
    known = [action.value for action in PhoneAction]
    for action in actions:
        if action not in known:
            raise InvalidTelephoneError(
                f"{action!r} is no action of the telephone; there are {', '.join(known)}, "
                "and transfers by the names of their targets"
            )
    for name in transfers:
        if not is_target(name):
            raise InvalidTelephoneError(
                f"{name!r} can't be the target of a transfer: a digit, or 2 to 40 letters, digits "
                "and _, the first no _"
            )
