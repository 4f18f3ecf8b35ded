"""A channel as long as it is ours: what it can do, and how we learned of its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar, overload

from dialogari.ari.errors import ChannelGone, GoneReason, NotFound, NotFoundKind, NotInStasis
from dialogari.ari.handles.variables import set_variables
from dialogari.ari.operations import Channels
from dialogari.ari.routing import EarlyEvents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dialogari.ari import models
    from dialogari.ari.request import Request, Response
    from dialogari.ari.routing import Listener, Told
    from dialogari.ari.session import Session

E = TypeVar("E")


class Channel:
    """Handle of one channel in our application.

    Every method turns "the channel is no longer here" into `ChannelGone`, so code that serves a
    channel reads as if it never hung up. All of them raise AriError for what is wrong.
    """

    def __init__(self, session: Session, channel: models.Channel) -> None:
        self.session = session
        """The application it is in: bridges, other channels and all operations of ARI."""
        self.channel = channel
        """What Asterisk said of it when it entered the application, or took another's place."""
        self.started = asyncio.get_running_loop().time()
        """When we learned of it, on the loop's clock, in seconds."""
        self.generation = session.generation
        """Of the link when the channel was last known to be here."""
        self.gone: GoneReason | None = None
        self.cause: int | None = None
        """Why it hung up (ITU-T Q.850), as far as an event said."""
        self._ended = asyncio.Event()
        self._early = EarlyEvents(session.router, self.key)
        self._operations = Channels(self._send)

    @property
    def id(self) -> str:
        """The channel's id; another one after an attended transfer put a new channel in place."""
        return self.channel.id

    @property
    def key(self) -> str:
        """What events name it by."""
        return f"channel:{self.id}"

    @overload
    def listen(self) -> Listener[Told]: ...

    @overload
    def listen(self, *types: type[E]) -> Listener[E]: ...

    def listen(self, *types: type[E]) -> Listener[E] | Listener[Told]:
        """Return a listener for this channel's events, of these types or of all.

        The first one begins with what came since the channel entered the application.
        """
        return self.session.listen(self.key, types=types, early=self._early)

    async def wait_until_gone(self) -> GoneReason:
        """Wait, without a limit of its own, until the channel is no longer here; return why."""
        await self._ended.wait()
        return self.gone or GoneReason.STASIS_END

    def end(self, reason: GoneReason) -> None:
        """Take note that the channel is gone; the first reason counts."""
        self.gone = self.gone or reason
        self._ended.set()
        self.session.router.end(self.key)
        self.settle()

    def settle(self) -> None:
        """Keep no event for a first listener any more."""
        self._early.take()

    async def _send(self, request: Request) -> Response:
        if self.gone is not None:  # its channel may be back, in a visit that is not ours
            raise ChannelGone(self.id, self.gone, self.cause)
        try:
            return await self.session.send(request)
        except NotFound as error:
            if error.kind is not NotFoundKind.CHANNEL:
                raise
            self.end(GoneReason.NOT_FOUND)
            raise ChannelGone(self.id, GoneReason.NOT_FOUND, self.cause) from error
        except NotInStasis as error:
            self.end(GoneReason.LEFT_STASIS)
            raise ChannelGone(self.id, GoneReason.LEFT_STASIS, self.cause) from error

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
