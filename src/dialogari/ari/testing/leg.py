"""One channel of a FakeAsterisk: its life in the dialplan, in Stasis, and its end.

Its methods change the state at once and tell the events; those that a channel's thread does in
its turn go through `line`.
"""

from __future__ import annotations

import asyncio
from copy import copy
from functools import partial
from typing import TYPE_CHECKING

from dialogari.ari.models import (
    ApplicationMoveFailed,
    ChannelDestroyed,
    StasisEnd,
    StasisStart,
)
from dialogari.ari.testing.channel import ChannelState
from dialogari.ari.testing.exchange import now
from dialogari.ari.testing.line import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dialogari.ari.models import Channel
    from dialogari.ari.testing.bridge import Bridge
    from dialogari.ari.testing.dialing import Dialing
    from dialogari.ari.testing.exchange import Exchange

NORMAL_CLEARING = 16
"""Cause of an ordinary hang-up (ITU-T Q.850)."""
BY_COMMAND = 32
"""Cause that a hang-up over ARI is announced with."""
CAUSES = {
    0: "Unknown",
    16: "Normal Clearing",
    17: "User busy",
    19: "User alerting, no answer",
    21: "Call Rejected",
    34: "Circuit/channel congestion",
}


class Leg(ChannelState):
    """A channel."""

    def __init__(self, exchange: Exchange, identifier: str, name: str, state: str = "Up") -> None:
        super().__init__(exchange, identifier, name, state)
        self.endpoint = ""
        """What a channel that was made without dialling may still dial."""
        self.has_pbx = True
        """Whether there is a dialplan to go back to."""
        self.application: str | None = None
        self.hung_up = False
        self.is_ending = False
        self.active: set[str] = set()
        self.digits_sent = ""
        self.bridge: Bridge | None = None
        self.dialing: Dialing | None = None
        self.left = asyncio.Event()
        self.entering: asyncio.Event | None = None
        """Set when a call that waits for its own socket is in Stasis, or is not."""
        self.after_stasis: Callable[[], object] | None = None
        self.line = Line(self._idle)
        self._going: Callable[[], None] | None = None
        exchange.legs[identifier] = self

    def enter(self, application: str, args: Sequence[str]) -> bool:
        """Let Stasis() run; return whether it does, as without a listener it fails at once.

        A call with a socket of its own enters when that is connected; `entering` says when.
        """
        door = self.exchange.doors.get(application)
        if door is not None and application not in self.exchange.applications:
            self.entering = door(self, args)
            return True
        self.entering = None
        if self.hung_up or not self.exchange.is_listening(application):
            self.tell_variable("STASISSTATUS", "FAILED")
            return False
        self.dialplan = ("Stasis", ",".join([application, *args]))
        return self.begin_stasis(application, args)

    def begin_stasis(self, application: str, args: Sequence[str]) -> bool:
        """Be in an application, unless nobody is there any more on one side."""
        if self.hung_up or not self.exchange.is_listening(application):
            return False
        self.tell_variable("STASISSTATUS", "")
        self._start(application, args)
        return True

    def fail(self) -> None:
        """Go on in the dialplan, as the application can't be reached."""
        if not self.hung_up:
            self.end_stasis()
            self.tell_variable("STASISSTATUS", "FAILED")
            if self.has_pbx:
                self.run("Wait", "600")
            else:
                self.destroy()

    def _start(
        self, application: str, args: Sequence[str], replaced: Channel | None = None
    ) -> None:
        self.application = application
        self.is_ending = False
        self.left.clear()
        self.exchange.subscribe(application, self.uri)
        self._tell_start(application, args, replaced)

    def _tell_start(
        self, application: str, args: Sequence[str], replaced: Channel | None = None
    ) -> None:
        start = StasisStart(
            application=application,
            timestamp=now(),
            args=list(args),
            channel=self.model,
            replace_channel=replaced,
        )
        self.exchange.send(start)

    def take_place_of(self, old: Leg) -> None:
        """Stand for another channel in its bridge; the other one stays in Stasis, without it."""
        if old.application is None or old.bridge is None:
            return
        bridge = old.bridge
        self.dialplan = ("Stasis", old.application)
        self._start(old.application, (), old.model)
        bridge.remove(old)
        bridge.add(self)

    def become(self, identifier: str, name: str) -> Leg:
        """Be another channel from now on, with all that this one has; return what is left of it.

        That is how a masquerade goes out of a bridge, where a transfer gives the call to another.
        """
        shell, exchange = copy(self), self.exchange
        shell.hung_up, shell.application = True, None
        del exchange.legs[self.id]
        self.id, self.name, self.left = identifier, name, asyncio.Event()
        exchange.legs[identifier] = self
        exchange.rename(shell.uri, self.uri)
        if self.application is None:
            return shell
        old_model, dialplan = shell.model, self.dialplan
        exchange.leaving[shell.id] = shell.left
        end = StasisEnd(application=self.application, timestamp=now(), channel=old_model)
        self.dialplan = ("", "")
        self._tell_start(self.application, (), old_model)
        exchange.send(end)
        self.run(*dialplan)
        return shell

    def go(self, then: Callable[[], None]) -> None:
        """Leave Stasis once all that was asked for is done, and then do this."""
        self._going = then

    def go_now(self, then: Callable[[], None]) -> None:
        """Leave Stasis, with what goes on there cut short."""
        self._going = then
        self.is_ending = True
        self.line.interrupt()

    def _idle(self) -> None:
        going, self._going = self._going, None
        if going is not None:
            going()

    def move(self, application: str, args: Sequence[str]) -> None:
        """Go over to another application; the new one hears of it first, as measured."""
        old = self.application
        if old is None:
            return
        if not self.exchange.is_listening(application):
            failed = ApplicationMoveFailed(
                application=old,
                timestamp=now(),
                channel=self.model,
                destination=application,
                args=list(args),
            )
            self.exchange.send(failed)
            return
        end = StasisEnd(application=old, timestamp=now(), channel=self.model)
        self._start(application, args)
        self.exchange.send(end)
        self._after_stasis()
        self.exchange.unsubscribe(old, self.uri)

    def _after_stasis(self) -> None:
        then, self.after_stasis = self.after_stasis, None
        if then is not None:
            then()

    def end_stasis(self, *, hung_up: bool = False) -> None:
        """Go out of Stasis."""
        if self.application is None:
            return
        if self.bridge is not None:
            self.bridge.remove(self, hung_up=hung_up)
        application, self.application = self.application, None
        self.exchange.leaving[self.id] = self.left
        end = StasisEnd(application=application, timestamp=now(), channel=self.model)
        self.dialplan = ("Wait", "600")
        self.exchange.send(end)
        self._after_stasis()
        self.exchange.unsubscribe(application, self.uri)
        self.tell_variable("STASISSTATUS", "SUCCESS")

    def to_dialplan(self, context: str = "", extension: str = "", priority: int = 0) -> None:
        """Go on in the dialplan, where another Stasis() may stand."""
        self.end_stasis()
        self.active.clear()
        old_context, old_extension, old_priority = self.place
        place = (context or old_context, extension or old_extension, priority or old_priority + 1)
        self.place = place
        entry = self.exchange.extensions.get(place[:2]) if context or extension else None
        if entry is None:
            self.run("Wait", "600")
        else:
            self.enter(*entry)

    def hang_up(self, cause: int = NORMAL_CLEARING, *, by_command: bool = False) -> None:
        """Hang up, whoever does."""
        if self.hung_up:
            return
        self.hung_up = True
        self.is_ending = True
        announced = BY_COMMAND if by_command else cause
        self.request_hangup(announced, soft=by_command)
        if self.dialing is not None:
            self.dialing.give_up()
        then = partial(self.destroy, cause)
        if self.application is None:
            then()
        else:
            self.go_now(then)

    def lose(self) -> None:
        """Be no more, without any event."""
        self.hung_up, self.application, self.bridge = True, None, None
        self.left.set()

    def destroy(self, cause: int = NORMAL_CLEARING) -> None:
        """Be no more."""
        self.hung_up = True
        self.end_stasis(hung_up=True)
        self.exchange.legs.pop(self.id, None)
        if self.has_pbx:
            self.request_hangup(NORMAL_CLEARING, soft=True)
        destroyed = ChannelDestroyed(
            application="",
            timestamp=now(),
            cause=cause,
            cause_txt=CAUSES.get(cause, "Unknown"),
            channel=self.model,
        )
        self.exchange.tell(destroyed, self.uri)
        self.exchange.forget(self.uri)
