"""Operations on the variables of a channel."""

from __future__ import annotations

import csv
import re
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from dialogari.ari.models import ChannelCallerId, Variable, Variables
from dialogari.ari.testing.exchange import now
from dialogari.ari.testing.rest.command import Answer, Refusal, in_turn
from dialogari.ari.testing.rest.find import controlled, find_leg

if TYPE_CHECKING:
    import asyncio

    from dialogari.ari.testing.exchange import Exchange
    from dialogari.ari.testing.leg import Leg
    from dialogari.ari.testing.rest.command import Command, Routes


def variable_routes(exchange: Exchange, *, bulk: bool) -> Routes:
    """Return the operations by path and method; `bulk` came with 22.10."""
    single: Routes = {
        "channels/*/variable": {"GET": partial(_get, exchange), "POST": partial(_set, exchange)}
    }
    several: Routes = {
        "channels/*/variables": {
            "GET": partial(_get_several, exchange),
            "POST": partial(_set_several, exchange),
        }
    }
    return single | (several if bulk else {})


def _get(exchange: Exchange, command: Command) -> Answer:
    name = command.parameter("variable")
    if not name:
        raise Refusal(400, "Variable name is required")
    return Answer(200, Variable(value=_read(_find(exchange, command), name)))


def _get_several(exchange: Exchange, command: Command) -> Answer:
    leg = _find(exchange, command)
    names = command.texts("variables")
    if not names:
        raise Refusal(400, "At least one variable name is required")
    return Answer(200, Variables(variables={name: _read(leg, name) for name in names}))


def _read(leg: Leg, name: str) -> str:
    value = leg.get_variable(name)
    if value is None and name.startswith("ARRAY("):
        raise Refusal(500, "Unable to read provided function", "Error With Function")
    if value is None:
        raise Refusal(404, "Provided variable was not found", "Variable Not Found")
    return value


def _set(exchange: Exchange, command: Command) -> Answer | asyncio.Future[Answer]:
    leg = controlled(find_leg(exchange, command.path[1]))
    name, value = command.parameter("variable"), command.parameter("value")
    if not name:
        raise Refusal(400, "Variable name is required")

    def act() -> Answer:
        # Anything but a string unsets the variable, and the answer is 204 all the same.
        _write(leg, name, value if isinstance(value, str) else None)
        return Answer(204, events_first=True)

    return in_turn(leg.line, act)


def _write(leg: Leg, name: str, value: str | None) -> None:
    array = re.fullmatch(r"ARRAY\((.*)\)", name)
    if array is not None and value is not None:
        values = _split(value)
        for part, text in zip(array[1].split(","), values, strict=False):
            leg.set_variable(part, text)
    elif name.startswith("CALLERID("):
        leg.variables[name] = value or ""
        event = ChannelCallerId(
            application="",
            timestamp=now(),
            caller_presentation=0,
            caller_presentation_txt="Presentation Allowed, Not Screened",
            channel=leg.model,
        )
        leg.exchange.tell(event, leg.uri)
    else:
        leg.set_variable(name, value)


def _split(value: str) -> list[str]:
    """Split a value as ARRAY() does: quotes hold commas together, a backslash keeps one."""
    return next(iter(csv.reader([value], escapechar="\\")))


def _set_several(exchange: Exchange, command: Command) -> Answer | asyncio.Future[Answer]:
    leg = _find(exchange, command)
    wanted = command.parameter("variables")
    if command.body is None:
        raise Refusal(400, "The 'variables' field is required")
    if not isinstance(wanted, dict):
        raise Refusal(400, "The 'variables' field must be a JSON object")
    values = cast("dict[str, Any]", wanted)
    texts = {name: _bulk_text(value) for name, value in values.items() if name}
    controlled(leg)

    def act() -> Answer:
        for name, text in texts.items():
            _write(leg, name, text)
        return Answer(204, events_first=True)

    return in_turn(leg.line, act)


def _find(exchange: Exchange, command: Command) -> Leg:
    leg = exchange.legs.get(command.path[1])
    if leg is None:
        raise Refusal(404, "Provided channel was not found", "Channel Not Found")
    return leg


def _bulk_text(value: Any) -> str:
    """Return the text of a variable in a bulk request, where it may be wrapped."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        raise Refusal(
            400,
            "Each value in 'variables' must be a string or an object with 'value' and"
            " optional 'report_events'",
        )
    text = cast("dict[str, Any]", value).get("value")
    if not isinstance(text, str):
        raise Refusal(400, "Each object value in 'variables' must include string field 'value'")
    return text
