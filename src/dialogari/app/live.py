"""The calls in the bridge now, noted as their handlers run, and told to those who watch."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dialogari.dialplan.arguments import parse_arguments
from dialogari.live import CallChange, CallChanged, LiveCall

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from dialogari.ari import Call

    Handler = Callable[[Call], Awaitable[None]]

_ROOM = 1000
"""Changes a watcher may be behind; past it, it is cut off."""


@dataclass(slots=True, eq=False)
class _Watcher:
    changes: asyncio.Queue[CallChanged | None] = field(default_factory=lambda: asyncio.Queue(_ROOM))
    """None: there will be no more."""
    lost: bool = False
    """It was too slow, and is told no more."""

    def tell(self, change: CallChanged | None) -> None:
        try:
            self.changes.put_nowait(change)
        except asyncio.QueueFull:
            self.lost = True


class CallsNow:
    """Plays `dialogari.live.LiveCalls`."""

    def __init__(self) -> None:
        self._calls: dict[Call, LiveCall] = {}
        self._watchers: set[_Watcher] = set()

    def follow(self, handler: Handler) -> Handler:
        """Return a handler that takes note of each call while `handler` has it."""

        async def followed(call: Call) -> None:
            seen = _describe(call)
            self._calls[call] = seen
            self._tell(CallChange.BEGAN, seen)
            try:
                await handler(call)
            finally:
                del self._calls[call]
                hung_up = call.gone is not None and not call.released
                self._tell(CallChange.HUNG_UP if hung_up else CallChange.RETURNED, seen)

        return followed

    def list_calls(self) -> Sequence[LiveCall]:
        """Return the calls, the oldest first."""
        return tuple(self._calls.values())

    async def watch(self) -> AsyncGenerator[Sequence[LiveCall] | CallChanged]:
        """Yield the calls there are, then each change as it happens."""
        watcher = _Watcher()
        # Nothing is awaited between the two: no change is lost, and none is told twice.
        self._watchers.add(watcher)
        there = self.list_calls()
        try:
            yield there
            while not watcher.lost and (change := await watcher.changes.get()) is not None:
                yield change
        finally:
            self._watchers.discard(watcher)

    def dismiss(self) -> None:
        """End what those who watch are told: the bridge is about to end."""
        for watcher in self._watchers:
            watcher.tell(None)

    def _tell(self, change: CallChange, call: LiveCall) -> None:
        for watcher in self._watchers:
            watcher.tell(CallChanged(change, call))


def _describe(call: Call) -> LiveCall:
    arguments = parse_arguments(call.arguments)
    return LiveCall(
        id=call.id,
        server=call.server,
        conversation=arguments.conversation_id or call.id,
        prompt=arguments.prompt or "",
        model=arguments.model or "",
        caller_number=call.channel.caller.number,
        caller_name=call.channel.caller.name,
        started=datetime.now(UTC),
    )
