"""Operations on a channel that is there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dialogari.ari.testing.dialing import Dialing
from dialogari.ari.testing.leg import NORMAL_CLEARING, Leg
from dialogari.ari.testing.rest.command import Answer, Refusal, in_turn
from dialogari.ari.testing.rest.find import controlled, find_leg
from dialogari.ari.testing.tones import SendDigits

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from dialogari.ari.testing.exchange import Exchange
    from dialogari.ari.testing.rest.command import Command, Handler, Routes

    Answered = Answer | asyncio.Future[Answer]

REASONS = {
    "normal": NORMAL_CLEARING,
    "busy": 17,
    "congestion": 34,
    "no_answer": 19,
    "timeout": 102,
    "rejected": 21,
    "unallocated": 1,
    "normal_unspecified": 31,
    "number_incomplete": 28,
    "codec_mismatch": 58,
    "interworking": 127,
    "failure": 38,
    "answered_elsewhere": 26,
}


@dataclass(frozen=True, slots=True)
class ChannelOperations:
    """What an application does with a channel, but for media, variables and new channels."""

    exchange: Exchange

    def routes(self) -> Routes:
        """Return the operations by path and method."""
        return {
            "channels": {"GET": self._list},
            "channels/*": {"GET": self._get, "DELETE": self._hang_up},
            "channels/*/answer": {"POST": self._answer},
            "channels/*/continue": {"POST": self._continue},
            "channels/*/dial": {"POST": self._dial},
            "channels/*/dtmf": {"POST": self._send_digits},
            "channels/*/hold": self._switch("hold"),
            "channels/*/moh": self._switch("moh"),
            "channels/*/move": {"POST": self._move},
            "channels/*/mute": {"POST": self._mute(on=True), "DELETE": self._mute(on=False)},
            "channels/*/progress": {"POST": self._progress},
            "channels/*/redirect": {"POST": self._redirect},
            "channels/*/ring": self._switch("ring"),
            "channels/*/silence": self._switch("silence"),
            "channels/*/snoop": {"POST": self._snoop},
            "channels/*/snoop/*": {"POST": self._snoop},
        }

    def _list(self, _: Command) -> Answer:
        return Answer(200, [leg.model for leg in self.exchange.legs.values()])

    def _get(self, command: Command) -> Answer:
        return Answer(200, find_leg(self.exchange, command.path[1]).model)

    def _hang_up(self, command: Command) -> Answer:
        leg = find_leg(self.exchange, command.path[1])
        reason = command.text("reason")
        if reason and reason not in REASONS:
            raise Refusal(400, "Invalid reason for hangup reason provided", "Invalid Reason")
        leg.hang_up(command.number("reason_code", REASONS[reason or "normal"]), by_command=True)
        return Answer(204)

    def _controlled(self, command: Command) -> Leg:
        return controlled(find_leg(self.exchange, command.path[1]))

    def _answer(self, command: Command) -> Answered:
        leg = self._controlled(command)

        def act() -> Answer:
            leg.active.discard("ring")
            leg.change_state("Up")
            return Answer(204, events_first=True)

        return in_turn(leg.line, act)

    def _switch(self, name: str) -> dict[str, Handler]:
        """Return the operations that turn something on and off."""
        return {
            "POST": partial(self._turn, lambda leg: leg.active.add(name)),
            "DELETE": partial(self._turn, lambda leg: leg.active.discard(name)),
        }

    def _turn(self, act: Callable[[Leg], None], command: Command) -> Answer:
        leg = self._controlled(command)
        leg.line.do(lambda: act(leg))
        return Answer(204)

    def _mute(self, *, on: bool) -> Handler:
        def mute(command: Command) -> Answer:
            leg = self._controlled(command)
            direction = command.text("direction")
            if not direction:
                raise Refusal(400, "Direction is required")
            if direction not in ("in", "out", "both"):
                raise Refusal(400, "Invalid direction specified")
            ways = {f"mute {way}" for way in ("in", "out") if direction in (way, "both")}
            leg.line.do(lambda: (leg.active.update if on else leg.active.difference_update)(ways))
            return Answer(204)

        return mute

    def _progress(self, command: Command) -> Answer:
        self._controlled(command)
        return Answer(204)

    def _send_digits(self, command: Command) -> Answer:
        leg = self._controlled(command)
        digits = command.text("dtmf")
        if not digits:
            raise Refusal(400, "DTMF is required")
        wait = command.number("before", 0) + command.number("after", 0)
        each = command.number("duration", 100)
        between = command.number("between", 100) * (len(digits) - 1)
        seconds = (wait + each * len(digits) + between) / 1000
        leg.line.add(SendDigits(leg, digits, seconds))
        return Answer(204)

    def _continue(self, command: Command) -> Answer:
        leg = self._controlled(command)
        context, extension = command.text("context"), command.text("extension")
        priority = command.number("priority", 1 if context or extension else 0)
        then = partial(leg.to_dialplan, context, extension, priority)
        leg.line.do(lambda: leg.go(then))
        return Answer(204)

    def _move(self, command: Command) -> Answer:
        leg = self._controlled(command)
        application, text = command.text("app"), command.text("appArgs")
        if not application:
            # Asterisk 22.10.1 itself dies of such a request.
            raise Refusal(400, "Missing parameter app")
        arguments = text.split(",") if text else []
        leg.line.do(lambda: leg.go(lambda: leg.move(application, arguments)))
        return Answer(204)

    def _redirect(self, command: Command) -> Answer:
        leg = self._controlled(command)
        endpoint = command.text("endpoint")
        if not endpoint:
            raise Refusal(400, "Required parameter 'endpoint' not provided.", "Not Found")
        technology, slash, _ = endpoint.partition("/")
        if not slash:
            raise Refusal(422, f"Endpoint parameter '{endpoint}' does not contain tech/resource")
        own = leg.name.partition("/")[0]
        if technology != own:
            raise Refusal(
                422,
                f"Endpoint technology '{technology}' does not match channel technology '{own}'",
            )
        return Answer(204)

    def _dial(self, command: Command) -> Answer:
        leg = self._controlled(command)
        if leg.state != "Down" or not leg.endpoint:
            raise Refusal(409, "Channel is not in the 'Down' state")
        seconds = command.number("timeout", 0)
        dialing = Dialing(leg, leg.endpoint, lambda: None)
        leg.line.do(lambda: dialing.begin(seconds, repeat=False))
        return Answer(204)

    def _snoop(self, command: Command) -> Answer:
        spy, whisper = command.text("spy") or "none", command.text("whisper") or "none"
        application, text = command.text("app"), command.text("appArgs")
        if spy == whisper == "none":
            raise Refusal(400, "Direction must be specified for at least spy or whisper")
        for name, direction in (("spy", spy), ("whisper", whisper)):
            if direction not in ("none", "in", "out", "both"):
                raise Refusal(400, f"Invalid direction specified for {name}")
        if not application:
            raise Refusal(400, "Application name is required")
        target = find_leg(self.exchange, command.path[1])
        identifier = command.identifier("snoopId") or self.exchange.next_channel_id()
        if identifier in self.exchange.legs:
            raise Refusal(500, "Snoop channel could not be created", "Internal error")
        snoop = Leg(self.exchange, identifier, f"Snoop/{target.id}-00000000")
        snoop.has_pbx = False
        snoop.place, snoop.dialplan = ("default", "s", 1), ("", "")
        shown = snoop.model
        if not snoop.enter(application, text.split(",") if text else []):
            snoop.destroy()
        return Answer(200, shown)
