"""Operations of `applications` and of user events."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from dialogari.ari.models import ChannelUserevent
from dialogari.ari.testing.applications import EVERYTHING
from dialogari.ari.testing.exchange import now
from dialogari.ari.testing.rest.command import Answer, Refusal
from dialogari.ari.testing.rest.find import find_application

if TYPE_CHECKING:
    from dialogari.ari.testing.exchange import Exchange
    from dialogari.ari.testing.rest.command import Command, Routes


def application_routes(exchange: Exchange) -> Routes:
    """Return the operations by path and method."""
    return {
        "applications": {"GET": partial(_list, exchange)},
        "applications/*": {"GET": partial(_get, exchange)},
        "applications/*/eventFilter": {"PUT": partial(_filter, exchange)},
        "applications/*/subscription": {
            "POST": partial(_subscribe, exchange),
            "DELETE": partial(_unsubscribe, exchange),
        },
        "events/user/*": {"POST": partial(_publish, exchange)},
    }


def _list(exchange: Exchange, _: Command) -> Answer:
    return Answer(200, [known.describe() for known in exchange.applications.values()])


def _get(exchange: Exchange, command: Command) -> Answer:
    return Answer(200, find_application(exchange, command.path[1]).describe())


def _filter(exchange: Exchange, command: Command) -> Answer:
    known = find_application(exchange, command.path[1])
    wanted = cast("dict[str, Any]", command.body or {})
    allowed, disallowed = wanted.get("allowed", []), wanted.get("disallowed", [])
    if not isinstance(allowed, list) or not isinstance(disallowed, list):
        raise Refusal(400, "Invalid format definition")
    known.allowed = [entry["type"] for entry in cast("list[dict[str, str]]", allowed)]
    known.disallowed = [entry["type"] for entry in cast("list[dict[str, str]]", disallowed)]
    return Answer(200, known.describe())


def _subscribe(exchange: Exchange, command: Command) -> Answer:
    known = find_application(exchange, command.path[1])
    sources = _sources(command)
    for source in sources:
        if not _exists(exchange, source):
            raise Refusal(422, "Event source does not exist")
    for source in sources:
        known.subscribe(source)
    return Answer(200, known.describe())


def _unsubscribe(exchange: Exchange, command: Command) -> Answer:
    known = find_application(exchange, command.path[1])
    sources = _sources(command)
    for source in sources:
        # Only of device states all can be given up at once, as measured.
        if source.endswith(":") and source != "deviceState:":
            raise Refusal(501, "Method not implemented")
        if source not in known.interests:
            raise Refusal(422, "Event source was not subscribed to")
    for source in sources:
        known.unsubscribe(source)
    shown = known.describe()
    exchange.forget_if_unused(known.name)
    return Answer(200, shown)


def _sources(command: Command) -> list[str]:
    sources = command.texts("eventSource")
    if not sources:
        raise Refusal(400, "Missing parameter eventSource")
    for source in sources:
        kind, colon, _ = source.partition(":")
        if not colon or kind not in EVERYTHING:
            raise Refusal(400, "Invalid event source URI scheme")
    return sources


def _exists(exchange: Exchange, source: str) -> bool:
    kind, _, name = source.partition(":")
    if not name or kind == "deviceState":
        return True
    if kind == "channel":
        return name in exchange.legs
    if kind == "bridge":
        return name in exchange.bridges
    return name in exchange.endpoints or name == "PJSIP"


def _publish(exchange: Exchange, command: Command) -> Answer:
    application = command.parameter("application")
    if not application:
        raise Refusal(400, "Missing parameter application")
    name = command.path[2]
    known = find_application(exchange, application)
    found = dict(_source(exchange, source) for source in command.texts("source"))
    event = ChannelUserevent(
        application=known.name,
        timestamp=now(),
        eventname=name,
        channel=found.get("channel"),
        bridge=found.get("bridge"),
        userevent={**(command.parameter("variables") or {}), "eventname": name},
    )
    exchange.send(event)
    return Answer(204)


def _source(exchange: Exchange, source: str) -> tuple[str, Any]:
    """Return what a user event is about: its kind and how ARI shows it."""
    kind, _, name = source.partition(":")
    if kind not in ("channel", "bridge"):
        raise Refusal(400, "Invalid event source URI scheme")
    places = exchange.legs if kind == "channel" else exchange.bridges
    if name not in places:
        raise Refusal(422, "Event source was not found")
    return kind, places[name].model
