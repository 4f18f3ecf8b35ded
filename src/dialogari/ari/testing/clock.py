"""The time of a FakeAsterisk: what shall happen later, and how to forget all of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Calls functions later, on the running event loop, until it is stopped."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.TimerHandle] = set()

    def after(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        """Have `action` called after so many seconds; return what takes that back."""

        def act() -> None:
            self._waiting.discard(handle)
            action()

        def cancel() -> None:
            self._waiting.discard(handle)
            handle.cancel()

        handle = asyncio.get_running_loop().call_later(seconds, act)
        self._waiting.add(handle)
        return cancel

    def stop(self) -> None:
        """Take everything back that still waits."""
        for handle in self._waiting:
            handle.cancel()
        self._waiting.clear()
