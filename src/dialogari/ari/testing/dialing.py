"""The dialling of an endpoint: what its callee does, told as Asterisk tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogari.ari.models import Dial
from dialogari.ari.testing.callee import BUSY, CONGESTION, NO_ANSWER
from dialogari.ari.testing.exchange import now

if TYPE_CHECKING:
    from collections.abc import Callable

    from dialogari.ari.testing.leg import Leg

WORDS = {BUSY: "BUSY", CONGESTION: "CONGESTION"}


class Dialing:
    """One try to reach an endpoint; ends with an answer, a refusal, a time limit or a hang-up.

    `answered` says what an answered channel does; `string` is repeated in the later Dial events
    where Asterisk does so.
    """

    def __init__(self, leg: Leg, endpoint: str, answered: Callable[[], None]) -> None:
        self._leg = leg
        self._endpoint = endpoint
        self._answered = answered
        self._clock = leg.exchange.clock
        self._string = ""
        self._timers: list[Callable[[], None]] = []
        leg.dialing = self

    def begin(self, seconds: float, *, repeat: bool) -> None:
        """Dial, for so long at most; -1: without a limit."""
        callee = self._leg.exchange.callees.find(self._endpoint)
        string = self._endpoint.partition("/")[2]
        self._tell("", string)
        self._string = string if repeat else ""
        if callee.rings:
            self.ring()
        if seconds > 0:
            self._timers.append(self._clock.after(seconds, self._time_out))
        if callee.after == 0:
            self._act(callee.cause)
        elif callee.after is not None:
            cause = callee.cause
            self._timers.append(self._clock.after(callee.after, lambda: self._act(cause)))

    def ring(self) -> None:
        """Say that it rings."""
        self._leg.change_state("Ringing")
        self._tell("RINGING", self._string)

    def answer(self) -> None:
        """Answer."""
        self._end()
        self._leg.change_state("Up")
        self._tell("ANSWER", self._string)
        self._answered()

    def refuse(self, cause: int) -> None:
        """Refuse the call."""
        self._end()
        if self._leg.application is None and cause not in WORDS:
            self._leg.request_hangup(cause)
        self._tell(WORDS.get(cause, "NOANSWER"), self._string)
        self._fail(cause)

    def give_up(self) -> None:
        """End because the channel has hung up."""
        self._end()
        self._tell("NOANSWER", self._string)

    def _act(self, cause: int | None) -> None:
        if cause is None:
            self.answer()
        else:
            self.refuse(cause)

    def _time_out(self) -> None:
        self._end()
        self._fail(NO_ANSWER)

    def _fail(self, cause: int) -> None:
        """End the channel; one that is in Stasis while it is dialled is asked to go first."""
        if self._leg.application is None:
            self._leg.destroy(cause)
        else:
            self._leg.hang_up(cause)

    def _end(self) -> None:
        for cancel in self._timers:
            cancel()
        self._timers.clear()
        self._leg.dialing = None

    def _tell(self, status: str, string: str) -> None:
        event = Dial(
            application="",
            timestamp=now(),
            peer=self._leg.model,
            forward="",
            dialstring=string,
            dialstatus=status,
        )
        self._leg.exchange.tell(event, self._leg.uri)
