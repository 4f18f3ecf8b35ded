"""A channel that we made ourselves: called by us, under an id of ours, and hung up by us."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypedDict

from dialogari.ari import models
from dialogari.ari.arguments import escape_argument
from dialogari.ari.errors import (
    NotCallable,
    NotFound,
    RequestFailed,
    UnknownOutcome,
)
from dialogari.ari.handles.channel import Channel
from dialogari.ari.handles.waiting import first_of, new_id, settled, undone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from dialogari.ari.session import Session

ANSWER_MARGIN = 10.0
"""Seconds beyond the time for an answer in which the end of a call in vain is told."""
NO_ANSWER = 19
CAUSES = {"BUSY": 17, "CONGESTION": 34, "CHANUNAVAIL": 20}
"""What the dialling came to, as ITU-T Q.850 has it. Channels of some technologies, Local among
them, end with a cause of 0 (measured on 22.10 and 16.28)."""
_NOBODY = models.CallerID(name="", number="")
_NOWHERE = models.DialplanCEP(context="", exten="", priority=0, app_name="", app_data="")


class CallOptions(TypedDict, total=False):
    """What a call that we make can be given."""

    caller_id: str
    """Who calls: `Name <number>`, or a number."""
    variables: Mapping[str, str]
    """Channel variables; for a SIP header `PJSIP_HEADER(add,X-Name)`."""
    arguments: Sequence[str]
    """What StasisStart says beside our application, for a program that finds it after a crash."""
    originator: Channel
    """A channel whose account, language and codecs it takes over."""


class Leg(Channel):
    """Handle of a channel that we made; `Session.originate` gives it out once it has answered."""

    def __init__(self, session: Session) -> None:
        unmade = models.Channel(
            id=new_id(),
            name="",
            state="Down",
            caller=_NOBODY,
            connected=_NOBODY,
            accountcode="",
            dialplan=_NOWHERE,
            creationtime="",
            language="",
        )
        super().__init__(session, unmade)
        self.abandoned = False
        """Nobody waits for it any more."""
        self._entry = asyncio.Event()
        self._dialing = ""

    @property
    def entered(self) -> bool:
        """Whether it has been in our application."""
        return self._entry.is_set()

    def enter(self, channel: models.Channel) -> None:
        """Take note that it is in our application."""
        if not self.entered:
            self.started = asyncio.get_running_loop().time()
        self.channel = channel
        self.generation = self.session.generation
        self._entry.set()
        if self.abandoned:
            self.session.spawn(undone(self.session, self.key, self.hang_up))

    async def call(self, endpoint: str, seconds: int, options: CallOptions) -> None:
        """Ask Asterisk to call.

        Raises:
            AriError: it can't, or we don't know.
        """
        arguments = ",".join(map(escape_argument, options.get("arguments", ())))
        originator = options.get("originator")
        try:
            made = await self._operations.originate_with_id(
                self.id,
                endpoint,
                app=self.session.application,
                app_args=arguments or None,
                caller_id=options.get("caller_id"),
                timeout=seconds,
                variables=options.get("variables"),
                originator=None if originator is None else originator.id,
            )
            if not self.entered:
                self.channel = made
        except (RequestFailed, UnknownOutcome) as error:
            if not self.entered and not await self._exists():
                raise self._truth(error) from error

    async def _exists(self) -> bool:
        try:
            self.channel = await self.session.channels.get(self.id)
        except NotFound:
            return False
        return True

    def _truth(self, error: RequestFailed | UnknownOutcome) -> Exception:
        """Return what an error means now that there is no such channel."""
        if self.gone is not None:
            return self.absence()
        if isinstance(error, UnknownOutcome):
            return error
        self.session.calls.forget_leg(self)
        if error.status in {409, 500}:
            return NotCallable(error.operation, error.status, error.message)
        return error

    def note_dialing(self, status: str) -> None:
        """Take note of how the dialling goes."""
        self._dialing = status

    async def wait_until_entered(self) -> None:
        """Wait, without a limit of its own, until it is in our application. Raises ChannelGone."""
        await first_of(self._entry.wait(), self.wait_until_gone())
        if self.gone is None:
            return
        if self.cause == 0:
            self.cause = CAUSES.get(self._dialing, NO_ANSWER)
        raise self.absence()

    async def leave(self) -> None:
        """Have it hung up, now or when it comes about; for the end of its scope."""
        self.abandoned = True
        await self.hang_up()


@asynccontextmanager
async def call_out(
    session: Session, endpoint: str, seconds: int, options: CallOptions
) -> AsyncGenerator[Channel]:
    """Call somebody, as `Session.originate` says."""
    leg = Leg(session)
    session.calls.expect(leg)
    try:
        await settled(leg.call(endpoint, seconds, options))
        async with asyncio.timeout(seconds + ANSWER_MARGIN):
            await leg.wait_until_entered()
        yield leg
    finally:
        await undone(session, leg.key, leg.leave)
