"""One call on a FakeAsterisk: what became of it, and what its caller or callee does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialogari.ari.models import ChannelDtmfReceived
from dialogari.ari.testing.callee import REJECTED
from dialogari.ari.testing.exchange import now
from dialogari.ari.testing.leg import NORMAL_CLEARING, Leg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dialogari.ari.models import Channel

KEY_MILLISECONDS = 100


@dataclass(slots=True, repr=False)
class FakeCall:
    """A channel of a FakeAsterisk, whoever made it."""

    _leg: Leg

    def __repr__(self) -> str:
        place = "hung up" if self.hung_up else f"in {self.application or 'the dialplan'}"
        return f"<FakeCall {self.id} {place}>"

    @property
    def id(self) -> str:
        """The channel's id."""
        return self._leg.id

    @property
    def state(self) -> str:
        """`Down`, `Ring`, `Ringing` or `Up`."""
        return self._leg.state

    @property
    def application(self) -> str | None:
        """The application that has the call; None: it is in the dialplan, or over."""
        return self._leg.application

    @property
    def in_stasis(self) -> bool:
        """Whether an application has the call."""
        return self._leg.application is not None

    @property
    def hung_up(self) -> bool:
        """Whether it is over."""
        return self._leg.hung_up

    @property
    def stasis_status(self) -> str:
        """STASISSTATUS of the last Stasis(): SUCCESS or FAILED; empty while it runs."""
        return self._leg.own.get("STASISSTATUS", "")

    @property
    def given(self) -> dict[str, str]:
        """Variables, and functions such as CALLERID(num), as the dialplan set them."""
        return self._leg.given

    @property
    def variables(self) -> dict[str, str]:
        """What was set over ARI since the call last entered Stasis, the latest last."""
        return self._leg.variables

    @property
    def played(self) -> list[str]:
        """The media that were begun on it, such as `sound:hello-world`."""
        return self._leg.played

    @property
    def digits_sent(self) -> str:
        """The digits that the application sent to it."""
        return self._leg.digits_sent

    @property
    def active(self) -> frozenset[str]:
        """What is on: of `ring`, `hold`, `moh`, `silence`, `mute in` and `mute out`."""
        return frozenset(self._leg.active)

    @property
    def bridge_id(self) -> str | None:
        """The bridge it is in."""
        return None if self._leg.bridge is None else self._leg.bridge.id

    @property
    def channel(self) -> Channel:
        """The channel as `GET /channels/{id}` and the events show it."""
        return self._leg.model

    async def enter_stasis(
        self, application: str, args: Sequence[str] = (), variables: Mapping[str, str] | None = None
    ) -> None:
        """Let the dialplan run Stasis(), for the first time or again.

        Without a client connected for the application Stasis() fails at once: `in_stasis` stays
        false and no event is sent. Where the application has a socket for each call, this waits
        until that is connected, or has failed.
        """
        self._leg.given |= self._leg.variables | dict(variables or {})
        self._leg.variables.clear()
        self._leg.enter(application, args)
        if self._leg.entering is not None:
            await self._leg.entering.wait()

    async def left(self, seconds: float = 5.0) -> None:
        """Wait until the application has sent the call on with `continue`, or the caller has gone.

        By then its StasisEnd has been sent.

        Raises:
            TimeoutError: it is still in Stasis after that many seconds.
        """
        async with asyncio.timeout(seconds):
            await self._leg.left.wait()

    async def press(self, digits: str) -> None:
        """Let the caller press keys, one after another."""
        for digit in digits:
            event = ChannelDtmfReceived(
                application="",
                timestamp=now(),
                digit=digit,
                duration_ms=KEY_MILLISECONDS,
                channel=self._leg.model,
            )
            self._leg.exchange.tell(event, self._leg.uri)
            for recording in list(self._leg.exchange.recordings.values()):
                if recording.source == self._leg.uri:
                    recording.hear(digit)

    async def hang_up(self, cause: int = NORMAL_CLEARING) -> None:
        """Let the caller hang up, with a cause of ITU-T Q.850."""
        self._leg.hang_up(cause)

    async def leave(self) -> None:
        """Let the call leave Stasis by itself, as `TIMEOUT(absolute)` of the dialplan does."""
        self._leg.go_now(self._leg.to_dialplan)

    async def replace_with(self) -> FakeCall:
        """Let another channel take this one's place in its application, as a transfer does.

        In a bridge the new channel stands where this one stood, which stays in Stasis without it.
        Out of a bridge the new channel is the call: this one is over, and the new one has its
        variables, its media and its place in the dialplan. Its StasisStart names this one.
        """
        old, exchange = self._leg, self._leg.exchange
        identifier = exchange.next_channel_id()
        name = f"PJSIP/fake-{identifier.rpartition('.')[2]:0>8}"
        if old.bridge is not None:
            new = Leg(exchange, identifier, name)
            new.take_place_of(old)
            return FakeCall(new)
        self._leg = old.become(identifier, name)
        return FakeCall(old)

    async def vanish(self) -> None:
        """End the call without any event, as an application sees it that was away meanwhile."""
        with self._leg.exchange.hold() as unsent:
            self._leg.hang_up()
        self._leg.exchange.drop(unsent)

    async def ring(self) -> None:
        """Let a called party's telephone ring."""
        if self._leg.dialing is not None:
            self._leg.dialing.ring()

    async def answer(self) -> None:
        """Let a called party answer."""
        if self._leg.dialing is not None:
            self._leg.dialing.answer()

    async def reject(self, cause: int = REJECTED) -> None:
        """Let a called party refuse: 21 rejected, 17 busy, 34 congestion."""
        if self._leg.dialing is not None:
            self._leg.dialing.refuse(cause)
