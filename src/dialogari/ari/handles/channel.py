"""A channel as long as it is ours: what it can do, and how we learned of its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, TypedDict

from dialogari.ari.errors import (
    ChannelGone,
    GoneReason,
    MoveFailed,
    NotFound,
    NotFoundKind,
    NotInStasis,
    RequestFailed,
)
from dialogari.ari.handles.keys import Collected, Keys
from dialogari.ari.handles.place import Place
from dialogari.ari.handles.variables import set_variables
from dialogari.ari.handles.waiting import first_of
from dialogari.ari.models import ApplicationMoveFailed
from dialogari.ari.operations import Channels
from dialogari.ari.routing import EarlyEvents

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from dialogari.ari import models
    from dialogari.ari.request import Request, Response
    from dialogari.ari.routing import Listener
    from dialogari.ari.session import Session

Direction = Literal["both", "in", "out"]

LONGEST_PROMPT = 300.0
"""Seconds after which `ask` gives a prompt up that does not end."""


class KeysOptions(TypedDict, total=False):
    """How long to wait for keys; see `Keys.collect`."""

    seconds: float
    """For the first one; 10 by default."""
    between: float
    """For each further one; 3 by default."""
    terminator: str
    """Keys that end it; `#` by default."""


class Channel(Place):
    """Handle of one channel in our application.

    Every method turns "the channel is no longer here" into `ChannelGone`, so code that serves a
    channel reads as if it never hung up. All of them raise AriError for what is wrong.
    """

    def __init__(self, session: Session, channel: models.Channel) -> None:
        self._operations = Channels(self._send)
        super().__init__(session, self._operations)
        self.channel = channel
        """What Asterisk said of it when it entered the application, or took another's place."""
        self.cause: int | None = None
        """Why it hung up (ITU-T Q.850), as far as an event said."""
        self.here_since = self.started
        """When we learned of the channel it is now; a snapshot asked for earlier lacks it."""
        self._keys = {self.key}
        self._early = EarlyEvents(session.router, self.key)

    @property
    def id(self) -> str:
        """The channel's id; another one after an attended transfer put a new channel in place."""
        return self.channel.id

    @property
    def key(self) -> str:
        """What events name it by."""
        return f"channel:{self.id}"

    def absence(self) -> ChannelGone:
        """Return the error that says that the channel is gone."""
        return ChannelGone(self.id, self.gone or GoneReason.STASIS_END, self.cause)

    def rebind(self, channel: models.Channel) -> None:
        """Take note that another channel is in this one's place."""
        self.session.router.rename(self.key, f"channel:{channel.id}")
        self.channel = channel
        self.here_since = asyncio.get_running_loop().time()
        self._keys.add(self.key)

    def end(self, reason: GoneReason) -> None:
        """Take note that the channel is gone; the first reason counts."""
        super().end(reason)
        self.session.router.end(self._keys)
        self.settle()

    def settle(self) -> None:
        """Keep no event for a first listener any more."""
        if self._early is not None:
            self._early.take()

    async def _send(self, request: Request) -> Response:
        if self.gone is not None:  # its channel may be back, in a visit that is not ours
            raise self.absence()
        try:
            return await self.session.send(request)
        except (NotFound, NotInStasis) as error:
            if isinstance(error, NotFound) and error.kind is not NotFoundKind.CHANNEL:
                raise
            raise self.lost_by(error) from error

    def lost_by(self, error: NotFound | NotInStasis) -> ChannelGone:
        """Take note that the channel is gone, as an error said; return what to raise."""
        found = isinstance(error, NotInStasis)
        self.end(GoneReason.LEFT_STASIS if found else GoneReason.NOT_FOUND)
        return self.absence()

    async def get_variable(self, name: str) -> str | None:
        """Return a channel variable whole, without the dialplan's limit of 4,095 bytes.

        None: it is not set.
        """
        try:
            return (await self._operations.get_channel_var(self.id, name)).value
        except NotFound as error:
            if error.kind is NotFoundKind.VARIABLE:
                return None
            raise

    async def set_variables(self, variables: Mapping[str, str]) -> None:
        """Set channel variables in the order given.

        When it returns all are set, or (before 20.10 and 22.0, while no sound flows) will be
        within 200 ms and before any command sent later.
        """
        await set_variables(self._operations, self.id, variables, self.session.features)

    async def publish(self, name: str, variables: Mapping[str, object] | None = None) -> None:
        """Send a ChannelUserevent about this channel to our own application, for its listeners."""
        if self.gone is not None:
            raise self.absence()
        try:
            await self.session.publish(name, variables, about=self.key)
        except RequestFailed as error:
            if error.status != 422:  # noqa: PLR2004 - Asterisk's "source was not found"
                raise
            self.end(GoneReason.NOT_FOUND)
            raise self.absence() from error

    async def answer(self) -> None:
        """Answer; it is up when this returns. One that is up already stays so."""
        await self._operations.answer(self.id)

    async def ring(self) -> None:
        """Tell the caller that it rings."""
        await self._operations.ring(self.id)

    async def stop_ringing(self) -> None:
        """Tell the caller that it no longer rings."""
        await self._operations.ring_stop(self.id)

    async def hold(self) -> None:
        """Tell the channel that it is on hold."""
        await self._operations.hold(self.id)

    async def unhold(self) -> None:
        """Tell the channel that it is no longer on hold."""
        await self._operations.unhold(self.id)

    async def mute(self, direction: Direction = "both") -> None:
        """Let no sound pass: `in` is what comes from the caller, `out` what goes to it."""
        await self._operations.mute(self.id, direction=direction)

    async def unmute(self, direction: Direction = "both") -> None:
        """Let sound pass again."""
        await self._operations.unmute(self.id, direction=direction)

    async def send_digits(self, digits: str) -> None:
        """Send DTMF to the channel; this returns before they are all sent."""
        await self._operations.send_dtmf(self.id, dtmf=digits)

    async def hang_up(self, cause: int | None = None) -> None:
        """Hang up, with a cause of ITU-T Q.850; 16, a normal end, by default.

        The end is told by events, so `gone` may be None for a moment yet. A channel that is gone
        already is left alone.
        """
        try:
            code = None if cause is None else str(cause)
            await self._operations.hangup(self.id, reason_code=code)
        except ChannelGone:
            pass

    async def redirect(self, endpoint: str) -> None:
        """Send the caller elsewhere by the means of its technology, such as SIP's 302 or REFER.

        The endpoint is of the channel's own technology, such as `PJSIP/alice`.
        """
        await self._operations.redirect(self.id, endpoint)

    async def move(self, application: str, *arguments: str, seconds: float = 5.0) -> None:
        """Hand the channel over to another application; it has left ours when this returns.

        Raises:
            ValueError: an argument has a comma, at which Asterisk would split it.
            MoveFailed: no such application is connected; the channel has stayed.
            TimeoutError: it has not left after so many seconds, as while something plays to it.
        """
        if any("," in argument for argument in arguments):
            raise ValueError("an argument for another application can't have a comma")
        text = ",".join(arguments)  # split at commas alone, whatever is quoted or escaped
        failed = self.session.listen(self.key, types=(ApplicationMoveFailed,))
        async with failed as failures, asyncio.timeout(seconds):
            await self._operations.move(self.id, application, app_args=text or None)
            await first_of(self.wait_until_gone(), _raise_first(failures))

    def keys(self) -> Keys:
        """Return what hears the keys pressed from the start of `async with` on."""
        return Keys(self)

    async def collect(self, count: int, **options: Unpack[KeysOptions]) -> str:
        """Return the keys pressed from now on, `count` at most, without the terminator.

        As the first listener of the channel it has those too that came before.

        What came is returned when no more came in time; `ask` and `Keys.collect` tell why.

        Raises:
            ChannelGone: the channel is gone.
            Unreachable: no events come any more.
        """
        async with self.keys() as keys:
            return (await keys.collect(count, **options)).digits

    async def ask(
        self, *media: str, count: int, language: str | None = None, **options: Unpack[KeysOptions]
    ) -> Collected:
        """Play, and return the keys pressed from its start on; the first one interrupts it.

        The time for the first key begins when the media have ended.

        Raises:
            TimeoutError: the media play on after `LONGEST_PROMPT` seconds.
            ChannelGone: the channel is gone.
            Unreachable: no events come any more.
            AriError: they could not be played.
        """
        async with self.keys() as keys:
            async with self.playing(*media, language=language) as playback:
                await first_of(playback.wait(LONGEST_PROMPT), keys.wait())
            return await keys.collect(count, **options)


async def _raise_first(failures: Listener[ApplicationMoveFailed]) -> None:
    async for failure in failures:
        raise MoveFailed(failure.destination)
