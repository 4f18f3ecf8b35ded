"""Operations that make channels."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from dialogari.ari.arguments import split_arguments
from dialogari.ari.models import CallerID, ChannelCreated
from dialogari.ari.testing.callee import TECHNOLOGIES
from dialogari.ari.testing.dialing import Dialing
from dialogari.ari.testing.exchange import now
from dialogari.ari.testing.leg import Leg
from dialogari.ari.testing.rest.command import Answer, Refusal

if TYPE_CHECKING:
    from dialogari.ari.testing.exchange import Exchange
    from dialogari.ari.testing.rest.command import Command, Routes

DUPLICATE = "Channel with given unique ID already exists"
RING_SECONDS = 30


def originate_routes(exchange: Exchange) -> Routes:
    """Return the operations by path and method."""
    return {
        "channels": {"POST": partial(_originate, exchange)},
        "channels/create": {"POST": partial(_create, exchange)},
        "channels/*": {"POST": partial(_originate, exchange)},
    }


def _originate(exchange: Exchange, command: Command) -> Answer:
    endpoint = command.text("endpoint")
    application, extension = command.text("app"), command.text("extension")
    if not endpoint:
        raise Refusal(400, "Endpoint must be specified")
    if "/" not in endpoint:
        raise Refusal(400, "Invalid endpoint specified")
    if not application and not extension:
        raise Refusal(400, "Application or extension must be specified")
    leg = _new_leg(exchange, command, command.path[1] if len(command.path) > 1 else "")
    leg.has_pbx = not application
    leg.dialplan = ("AppDial2", "(Outgoing Line)")
    shown = leg.model
    if application:
        exchange.subscribe(application, leg.uri)
    for name, value in command.variables().items():
        leg.given[name] = value
    dialing = Dialing(leg, endpoint, partial(_answered, leg, command))
    dialing.begin(command.number("timeout", RING_SECONDS), repeat=True)
    return Answer(200, shown)


def _answered(leg: Leg, command: Command) -> None:
    """Let an originated channel go where it was meant for."""
    application, text = command.text("app"), command.text("appArgs")
    if not application:
        context = command.text("context") or "default"
        leg.to_dialplan(context, command.text("extension"), command.number("priority", 1))
    elif not leg.enter(application, split_arguments(text) if text else []):
        leg.destroy()


def _create(exchange: Exchange, command: Command) -> Answer:
    endpoint, application = command.text("endpoint"), command.text("app")
    if not endpoint:
        raise Refusal(400, "Endpoint must be specified")
    leg = _new_leg(exchange, command, "")
    leg.has_pbx = False
    leg.dialplan = ("", "")
    leg.given |= command.variables()
    leg.endpoint = endpoint
    shown = leg.model
    text = command.text("appArgs")
    arguments = split_arguments(text) if text else []
    exchange.subscribe(application, leg.uri)
    leg.run("Stasis", ",".join([application, *arguments]))
    if not leg.enter(application, arguments):
        leg.destroy()
    return Answer(200, shown)


def _new_leg(exchange: Exchange, command: Command, named: str) -> Leg:
    """Make a channel.

    An id that is in use is refused, and so is one that a channel's id begins with. After that
    any failure on the same connection is called a duplicate, as `errno` is never cleared there.
    """
    endpoint = command.text("endpoint")
    technology, _, resource = endpoint.partition("/")
    identifier = named or command.text("channelId") or exchange.next_channel_id()
    other = command.text("otherChannelId")
    if other == identifier or any(known.startswith(identifier) for known in exchange.legs):
        command.thread.has_seen_duplicate = True
        raise Refusal(409, DUPLICATE)
    if technology not in TECHNOLOGIES:
        if command.thread.has_seen_duplicate:
            raise Refusal(409, DUPLICATE)
        raise Refusal(500, "Allocation failed", key="error")
    suffix = ";1" if technology == "Local" else ""
    target = resource.partition("/")[0]
    name = f"{technology}/{target}-{next(exchange.numbers):08x}{suffix}"
    leg = Leg(exchange, identifier, name, "Down")
    leg.place = _place(command, target)
    leg.caller = leg.connected = _caller_id(command.text("callerId"))
    exchange.tell(ChannelCreated(application="", timestamp=now(), channel=leg.model), leg.uri)
    return leg


def _place(command: Command, target: str) -> tuple[str, str, int]:
    extension, _, context = target.partition("@")
    return (context or command.text("context") or "default", extension or "s", 1)


def _caller_id(text: str) -> CallerID:
    found = re.fullmatch(r'\s*"?([^"<]*?)"?\s*<([^>]*)>\s*', text)
    return CallerID(name=found[1], number=found[2]) if found else CallerID(name="", number=text)
