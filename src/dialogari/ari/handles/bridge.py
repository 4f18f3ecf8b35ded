"""A bridge that we made: who is in it, what is played to it, and its end."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Literal

from dialogari.ari.errors import (
    BridgeGone,
    Conflict,
    GoneReason,
    NotFound,
    NotFoundKind,
    NotInStasis,
    RequestFailed,
    UnknownOutcome,
)
from dialogari.ari.handles.place import Place
from dialogari.ari.handles.waiting import new_id, settled, undone
from dialogari.ari.handles.watch import Watch
from dialogari.ari.models import BridgeDestroyed, ChannelEnteredBridge, ChannelLeftBridge
from dialogari.ari.operations import Bridges

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.ari import models
    from dialogari.ari.handles.channel import Channel
    from dialogari.ari.models import Event, UnknownEvent
    from dialogari.ari.request import Request, Response
    from dialogari.ari.session import Session

BridgeKind = Literal["mixing", "holding"]


class Bridge(Place):
    """Handle of one bridge; `Session.bridge` makes them.

    Every method raises BridgeGone where the bridge is no more, and AriError for what is wrong.
    """

    def __init__(self, session: Session, bridge: models.Bridge) -> None:
        self._operations = Bridges(self._send)
        super().__init__(session, self._operations)
        self.bridge = bridge
        """What Asterisk said of it last."""
        self._watch = Watch(session, self.key, self)

    @property
    def id(self) -> str:
        """The bridge's id."""
        return self.bridge.id

    @property
    def key(self) -> str:
        """What events name it by."""
        return f"bridge:{self.id}"

    @property
    def channels(self) -> tuple[str, ...]:
        """The ids of those in it, as last told, in no order."""
        return tuple(self.bridge.channels)

    def absence(self) -> BridgeGone:
        """Return the error that says that the bridge is gone."""
        return BridgeGone(self.id, self.gone or GoneReason.DESTROYED)

    async def _send(self, request: Request) -> Response:
        if self.gone is not None:
            raise self.absence()
        try:
            return await self.session.send(request)
        except NotFound as error:
            if error.kind is not NotFoundKind.BRIDGE:
                raise
            self.end(GoneReason.NOT_FOUND)
            raise self.absence() from error

    async def add(
        self,
        *channels: Channel,
        role: Literal["participant", "announcer"] | None = None,
        absorb_dtmf: bool | None = None,
        mute: bool | None = None,
    ) -> None:
        """Put channels in, one after the other; they are in it when this returns.

        One to which something is played enters when that has ended, or not at all.

        Args:
            channels: From another bridge they are taken out.
            role: In a holding bridge; participants by default.
            absorb_dtmf: Keep their digits from the others.
            mute: The others do not hear them.

        Raises:
            ChannelGone: a channel is gone.
            UnknownOutcome: no answer came, and the channel is not in the bridge.
        """
        for channel in channels:
            try:
                await self._operations.add_channel(
                    self.id, channel.id, role=role, absorb_dtmf=absorb_dtmf, mute=mute
                )
            except UnknownOutcome:
                await self.look()
                if channel.id not in self.channels:
                    raise
            except (NotFound, NotInStasis) as error:
                raise channel.lost_by(error) from error

    async def remove(self, *channels: Channel) -> None:
        """Take channels out; one that is not in it, or is gone, is left alone."""
        for channel in channels:
            try:
                await self._operations.remove_channel(self.id, channel.id)
            except (NotFound, NotInStasis):
                pass
            except RequestFailed as error:
                if error.status != 422:  # noqa: PLR2004 - Asterisk's "not in this bridge"
                    raise

    def open(self) -> None:
        """Hear of it from now on."""
        self._watch.open()

    def end(self, reason: GoneReason) -> None:
        """Take note that the bridge is gone; the first reason counts."""
        super().end(reason)
        self._watch.close()
        self.session.forget(self.key)
        self.session.router.end({self.key})

    def take(self, event: Event | UnknownEvent) -> None:
        """Take an event about it."""
        match event:
            case ChannelEnteredBridge() | ChannelLeftBridge():
                self.bridge = event.bridge
            case BridgeDestroyed():
                self.bridge = event.bridge
                self.end(GoneReason.DESTROYED)
            case _:
                pass

    async def look(self) -> None:
        """Ask Asterisk who is in it now. Raises AriError."""
        self.bridge = await self.session.bridges.get(self.id)
        self.generation = self.session.generation

    def miss(self) -> None:
        """Take note that it is no more, and that no event told so."""
        self.end(GoneReason.ABSENT)


@asynccontextmanager
async def open_bridge(
    session: Session, kind: BridgeKind, name: str | None
) -> AsyncGenerator[Bridge]:
    """Make a bridge, as `Session.bridge` says."""
    bridge_id = new_id()
    bridge: Bridge | None = None
    try:
        bridge = Bridge(session, await settled(_create(session, bridge_id, kind, name)))
        bridge.open()
        await session.subscribe(bridge.key)
        yield bridge
    finally:
        if bridge is None or bridge.gone is None:
            await undone(session, f"bridge:{bridge_id}", partial(_destroy, session, bridge_id))
        if bridge is not None:
            bridge.end(GoneReason.DESTROYED)


async def _create(
    session: Session, bridge_id: str, kind: BridgeKind, name: str | None
) -> models.Bridge:
    try:
        return await session.bridges.create_with_id(bridge_id, type=kind, name=name)
    except (Conflict, UnknownOutcome) as error:  # sent twice, or unanswered: the id is ours alone
        try:
            return await session.bridges.get(bridge_id)
        except NotFound:
            raise error from None


async def _destroy(session: Session, bridge_id: str) -> None:
    with suppress(NotFound):
        await session.bridges.destroy(bridge_id)
