"""Operations of `endpoints` and `deviceStates`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dialogari.ari.models import DeviceState, DeviceStateChanged, Endpoint
from dialogari.ari.testing.exchange import now
from dialogari.ari.testing.rest.command import Answer, Refusal

if TYPE_CHECKING:
    from dialogari.ari.testing.exchange import Exchange
    from dialogari.ari.testing.rest.command import Command, Routes

STATES = (
    *("UNKNOWN", "NOT_INUSE", "INUSE", "BUSY", "INVALID"),
    *("UNAVAILABLE", "RINGING", "RINGINUSE", "ONHOLD"),
)
OURS = "Stasis:"
"""What the names of devices begin with whose state ARI may set."""


def device_routes(exchange: Exchange) -> Routes:
    """Return the operations by path and method."""
    return {
        "endpoints": {"GET": partial(_list_endpoints, exchange)},
        "endpoints/*": {"GET": partial(_list_technology, exchange)},
        "endpoints/*/*": {"GET": partial(_get_endpoint, exchange)},
        "deviceStates": {"GET": partial(_list_states, exchange)},
        "deviceStates/*": {
            "GET": partial(_get_state, exchange),
            "PUT": partial(_set_state, exchange),
            "DELETE": partial(_delete_state, exchange),
        },
    }


def _endpoint(exchange: Exchange, name: str) -> Endpoint:
    technology, _, resource = name.partition("/")
    names = [leg.id for leg in exchange.legs.values() if leg.name.startswith(f"{name}-")]
    state = exchange.endpoints[name]
    return Endpoint(technology=technology, resource=resource, state=state, channel_ids=names)


def _list_endpoints(exchange: Exchange, _: Command) -> Answer:
    return Answer(200, [_endpoint(exchange, name) for name in exchange.endpoints])


def _list_technology(exchange: Exchange, command: Command) -> Answer:
    technology = command.path[1]
    names = [name for name in exchange.endpoints if name.startswith(f"{technology}/")]
    if not names and technology != "PJSIP":
        raise Refusal(404, f"No Endpoints found - invalid tech {technology}")
    return Answer(200, [_endpoint(exchange, name) for name in names])


def _get_endpoint(exchange: Exchange, command: Command) -> Answer:
    name = "/".join(command.path[1:3])
    if name not in exchange.endpoints:
        raise Refusal(404, "Endpoint not found")
    return Answer(200, _endpoint(exchange, name))


def _list_states(exchange: Exchange, _: Command) -> Answer:
    known = exchange.devices.items()
    return Answer(200, [DeviceState(name=name, state=state) for name, state in known])


def _get_state(exchange: Exchange, command: Command) -> Answer:
    name = command.path[1]
    unknown = "UNKNOWN" if name.startswith(OURS) else "INVALID"
    return Answer(200, DeviceState(name=name, state=exchange.devices.get(name, unknown)))


def _set_state(exchange: Exchange, command: Command) -> Answer:
    name, state = command.path[1], command.text("deviceState")
    if not name.startswith(OURS):
        raise Refusal(409, "Uncontrolled device specified")
    if state not in STATES:
        raise Refusal(500, "Unknown device")
    exchange.devices[name] = state
    _tell(exchange, name, state)
    return Answer(204, events_first=True)


def _delete_state(exchange: Exchange, command: Command) -> Answer:
    name = command.path[1]
    if not name.startswith(OURS):
        raise Refusal(409, "Uncontrolled device specified")
    exchange.devices.pop(name, None)
    return Answer(204)


def _tell(exchange: Exchange, name: str, state: str) -> None:
    device = DeviceState(name=name, state=state)
    event = DeviceStateChanged(application="", timestamp=now(), device_state=device)
    exchange.tell(event, f"deviceState:{name}")
