"""The nouns of what is going on now: the calls in the bridge, and how its parts stand.

A door that shows them (the REST API, later the pages) meets whoever knows them through the
protocol at the end; `dialogari.app` plays it. Like `dialogari.turn`, this module imports nothing of
ours and does no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call that is in the bridge now: from Stasis() to its return to the dialplan."""

    id: str
    """The channel."""
    server: str
    conversation: str
    prompt: str
    """As the dialplan named it; empty: the default."""
    model: str
    """As the dialplan named it; empty: the prompt's."""
    caller_number: str
    caller_name: str
    started: datetime
    """Aware, in UTC."""


class CallChange(StrEnum):
    """What happened to a call."""

    BEGAN = "began"
    RETURNED = "returned"
    """The dialplan has it back."""
    HUNG_UP = "hung_up"
    """The caller left before."""


@dataclass(frozen=True, slots=True)
class CallChanged:
    """One change, as it happens."""

    change: CallChange
    call: LiveCall


@dataclass(frozen=True, slots=True)
class Link:
    """The link to one Asterisk."""

    server: str
    application: str
    state: str
    """`ready` when calls are answered."""
    asterisk: str
    """Its version; empty before the first connect."""
    connects: int
    """How often the link was proven."""


@dataclass(frozen=True, slots=True)
class Overview:
    """How the bridge stands."""

    ready: bool
    """A call that came now would be answered."""
    parts: dict[str, bool]
    """Each part that a call needs, and whether it is ready."""
    links: Sequence[Link]
    calls: int
    database: str
    """`sqlite` or `postgresql`."""
    default_model: str
    fallback_model: str
    """Empty: none."""
    providers: Sequence[str]
    """Those that can be asked."""
    versions: dict[str, str]


class LiveCalls(Protocol):
    """The calls in the bridge now."""

    def list_calls(self) -> Sequence[LiveCall]:
        """Return them, the oldest first."""
        ...

    def watch(self) -> AsyncGenerator[Sequence[LiveCall] | CallChanged]:
        """Yield the calls there are, then each change as it happens.

        Ends where its reader is too slow to be told of every change. Close it when you leave.
        """
        ...
