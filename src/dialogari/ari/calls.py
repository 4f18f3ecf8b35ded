"""The channels of one application: which calls there are, how they end, and what a gap did to them.

- A StasisStart makes a call and starts its handler; one that replaces a channel goes on with the
  call of the channel it replaced.
- A channel is gone at the first of StasisEnd, ChannelDestroyed, a 404, or a snapshot without it.
- A snapshot after a gap says of each call that it was resumed or lost. Calls that only the snapshot
  knows, left over by a program that died or by a gap, are given out as resumed, once.
"""

from __future__ import annotations

import asyncio
import logging
from itertools import chain
from typing import TYPE_CHECKING

from dialogari.ari.arguments import is_in_application, split_arguments
from dialogari.ari.backoff import backoff
from dialogari.ari.errors import AriError, GoneReason, NotFound
from dialogari.ari.handles.call import Call
from dialogari.ari.link import LinkState
from dialogari.ari.models import (
    ChannelDestroyed,
    ChannelHangupRequest,
    Dial,
    StasisEnd,
    StasisStart,
    UnknownEvent,
)
from dialogari.ari.operations import Channels
from dialogari.ari.recovery import Lost, Recovered, Resumed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from dialogari.ari.handlers import Handlers
    from dialogari.ari.handles.channel import Channel
    from dialogari.ari.handles.leg import Leg
    from dialogari.ari.models import Channel as Snapshot
    from dialogari.ari.models import Event
    from dialogari.ari.session import Session

    Spawn = Callable[[Coroutine[object, object, None]], object]

logger = logging.getLogger(__name__)

GRACE = 1.0
"""Seconds a call that only the snapshot knows is given for its StasisStart to arrive: Asterisk
shows a channel in Stasis a moment before it sends that event."""

_HEARD = frozenset(
    {StasisStart, StasisEnd, ChannelHangupRequest, ChannelDestroyed, Dial, UnknownEvent}
)
"""Events that tell of a channel's beginning or end."""


class Calls:
    """The registry of one session; plays `link.Receiver`."""

    def __init__(self, session: Session, handlers: Handlers) -> None:
        self._session = session
        self._route = session.router.route
        self._handlers = handlers
        self._calls: dict[str, Call] = {}
        """By channel; from StasisStart until the call has left, which may be after its handler."""
        self._legs: dict[str, Leg] = {}
        """Channels that we made ourselves, by id; no handler is started for them."""
        self._orphans: set[str] = set()
        """Calls without a handler, as the latest snapshot has it; a StasisStart takes one out."""

    def __len__(self) -> int:
        """How many calls there are."""
        return len(self._calls)

    def expect(self, leg: Leg) -> None:
        """Take note of a channel that is about to be made: its StasisStart is not a new call."""
        self._legs[leg.id] = leg

    def forget_leg(self, leg: Leg) -> None:
        """Take note that a channel was not made after all."""
        self._legs.pop(leg.id, None)

    def receive(self, event: Event | UnknownEvent) -> None:
        """Take one event from the link."""
        self._route(event)
        if type(event) not in _HEARD:
            return
        match event:
            case StasisStart() if event.application == self._session.application:
                self._begin(event)
            case StasisEnd() if event.application == self._session.application:
                self._end(event.channel.id, GoneReason.STASIS_END)
            case ChannelHangupRequest():
                self._note_cause(event.channel.id, event.cause)
            case ChannelDestroyed():
                self._note_cause(event.channel.id, event.cause)
                self._end(event.channel.id, GoneReason.DESTROYED)
            case Dial() if event.peer.id in self._legs:
                self._legs[event.peer.id].note_dialing(event.dialstatus)
            case UnknownEvent(type="StasisStart"):
                if event.application == self._session.application:
                    self._give_back_unread(event)
            case _:
                pass

    def _begin(self, event: StasisStart) -> None:
        self._orphans.discard(event.channel.id)
        replaced = event.replace_channel.id if event.replace_channel is not None else ""
        call, leg = self._calls.pop(replaced, None), self._legs.pop(replaced, None)
        if call is not None:
            call.rebind(event.channel)
            self._calls[call.id] = call
        elif leg is not None:
            leg.rebind(event.channel)
            self._legs[leg.id] = leg
        elif event.channel.id in self._legs:
            self._legs[event.channel.id].enter(event.channel)
        else:
            call = Call(self._session, event.channel, event.args)
            if self._session.state is not LinkState.READY:
                call.generation += 1  # it came after the gap whose snapshot is still to come
            self._start(call)
            return
        if call is not None or leg is not None:
            # In a bridge only the place there changed hands: the old channel is still with us,
            # alone (measured on 22.10 and 16.28).
            self.adopt(replaced)

    def _start(self, call: Call, *, resumed: bool = False) -> None:
        if call.id in self._calls:  # its end was lost in a gap
            self._end(call.id, GoneReason.STASIS_END)
        self._calls[call.id] = call
        self._handlers.start(call, resumed=resumed)

    def _note_cause(self, channel_id: str, cause: int | None) -> None:
        channel: Channel | None = self._calls.get(channel_id) or self._legs.get(channel_id)
        if channel is not None and cause is not None:
            channel.cause = cause

    def _end(self, channel_id: str, reason: GoneReason) -> None:
        leg = self._legs.pop(channel_id, None)
        if leg is not None:
            leg.end(reason)
        call = self._calls.pop(channel_id, None)
        if call is not None:
            call.end(reason)
            self._handlers.end(call)

    def abandon(self) -> None:
        """Take note that nothing will ever be heard of these channels again."""
        for channel_id in [*self._calls, *self._legs]:
            self._end(channel_id, GoneReason.LINK_LOST)

    def channel_ids(self) -> Sequence[str]:
        """Return the channels we know."""
        return [*self._calls, *self._legs]

    def recover(self, channels: Sequence[Snapshot], since: float) -> None:
        """Compare a snapshot with what we know."""
        here = {channel.id: channel for channel in channels}
        ours = {channel.id for channel in channels if self._is_ours(channel)}
        generation = self._session.generation
        if generation > 1:
            self._session.router.tell_all(Recovered(generation))
        for channel_id, leg in list(self._legs.items()):
            shown = here.get(channel_id)
            if shown is not None and is_in_application(shown, self._session.application):
                leg.enter(shown)
            elif leg.here_since < since and (leg.entered or shown is None):
                self._end(channel_id, GoneReason.ABSENT)
        for call in list(self._calls.values()):
            shown = here.get(call.id)
            if shown is None or not call.is_shown_by(shown):
                if call.here_since < since:
                    self._lose(call, generation)
            elif self._is_served(call) and call.generation < generation:
                call.generation = generation
                self._session.router.tell(call.key, Resumed(call, generation))
        self._orphans = set()
        served = {call.id for call in self._calls.values() if self._is_served(call)}
        for channel_id in ours - served - self._legs.keys():
            self.adopt(channel_id)

    def _lose(self, call: Call, generation: int) -> None:
        if self._is_served(call):
            self._session.router.tell(call.key, Lost(call, generation))
        self._end(call.id, GoneReason.ABSENT)

    def _is_served(self, call: Call) -> bool:
        return call.gone is None and self._handlers.has(call)

    def _is_ours(self, channel: Snapshot) -> bool:
        return is_in_application(channel, self._session.dialplan_name)

    def adopt(self, channel_id: str) -> None:
        """Take care of a call that no handler has."""
        self._orphans.add(channel_id)
        self._session.spawn(self._resume(channel_id, self._orphans))

    async def _resume(self, channel_id: str, orphans: set[str]) -> None:
        """Give a call out as resumed, unless its StasisStart or a newer snapshot comes first."""
        for delay in chain((GRACE,), backoff()):
            await asyncio.sleep(delay)
            if not self._is_orphan(channel_id, orphans):
                return
            try:
                channel = await Channels(self._session.send).get(channel_id)
            except NotFound:
                return
            except AriError as error:
                extra = {"call": channel_id, "cause": str(error)}
                logger.warning("ari_resume_failed", extra=extra)
                continue
            if self._is_orphan(channel_id, orphans):
                orphans.discard(channel_id)
                self._start_resumed(channel)

    def _start_resumed(self, channel: Snapshot) -> None:
        if self._is_ours(channel):
            arguments = split_arguments(channel.dialplan.app_data)[1:]
            self._start(Call(self._session, channel, arguments), resumed=True)

    def _is_orphan(self, channel_id: str, orphans: set[str]) -> bool:
        ready = self._session.state is LinkState.READY
        return ready and orphans is self._orphans and channel_id in orphans

    def _give_back_unread(self, event: UnknownEvent) -> None:
        """Send back a call whose event has not the shape we know; a snapshot could not either."""
        keys = (key.partition(":") for key in event.keys())  # noqa: SIM118 - it is no dict
        ids = [name for kind, _, name in keys if kind == "channel"]
        logger.error("ari_call_unreadable", extra={"calls": ids})
        if ids:
            self._session.spawn(self._continue_unread(ids[0]))

    async def _continue_unread(self, channel_id: str) -> None:
        try:
            await Channels(self._session.send).continue_in_dialplan(channel_id)
        except AriError as error:
            extra = {"call": channel_id, "cause": str(error)}
            logger.error("ari_release_failed", extra=extra)  # noqa: TRY400 - the cause says all
