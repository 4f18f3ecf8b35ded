"""What one thread of Asterisk does for a channel or a bridge: one thing after another.

A playback holds up whatever was asked for after it, be it an answer, a variable or `continue`;
only a hang-up and the stopping of the playback itself don't wait (measured on 22.10.1).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Step(Protocol):
    """One thing to do."""

    def start(self, done: Callable[[], None]) -> bool:
        """Begin; return whether it goes on until it calls `done`."""
        ...

    def interrupt(self) -> None:
        """End early, with `done`, because the channel goes."""
        ...


class Action:
    """A step that takes no time."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act

    def start(self, done: Callable[[], None]) -> bool:
        """Do it."""
        del done
        self._act()
        return False

    def interrupt(self) -> None:
        """Nothing goes on that could end."""


class Line:
    """The queue of steps; `idle` is called whenever it has run empty."""

    def __init__(self, idle: Callable[[], None]) -> None:
        self._idle = idle
        self._waiting: deque[Step] = deque()
        self._current: Step | None = None
        self._running = False

    def add(self, step: Step) -> None:
        """Do a step after those that were added before."""
        self._waiting.append(step)
        self._run()

    def do(self, act: Callable[[], None]) -> None:
        """Do something that takes no time after all that was added before."""
        self.add(Action(act))

    def interrupt(self) -> None:
        """End what goes on now; the steps after it still start."""
        if self._current is not None:
            self._current.interrupt()
        else:
            self._run()

    def _run(self) -> None:
        if self._running:
            return
        self._running = True
        while self._waiting and self._current is None:
            step = self._waiting.popleft()
            self._current = step
            if not step.start(self._done):
                self._current = None
        self._running = False
        if self._current is None:
            self._idle()

    def _done(self) -> None:
        self._current = None
        self._run()
