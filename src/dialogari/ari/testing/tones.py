"""The sending of digits to a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dialogari.ari.testing.leg import Leg


class SendDigits:
    """A step of a channel's line; it takes the time that the tones take."""

    def __init__(self, leg: Leg, digits: str, seconds: float) -> None:
        self._leg = leg
        self._digits = digits
        self._seconds = seconds
        self._end: Callable[[], None] | None = None

    def start(self, done: Callable[[], None]) -> bool:
        """Send them."""
        if self._leg.is_ending:
            return False
        self._leg.digits_sent += self._digits
        cancel = self._leg.exchange.clock.after(self._seconds, done)

        def end() -> None:
            cancel()
            done()

        self._end = end
        return True

    def interrupt(self) -> None:
        """End early."""
        if self._end is not None:
            self._end()
