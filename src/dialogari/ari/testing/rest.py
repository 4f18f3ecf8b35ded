"""The REST operations of a FakeAsterisk, whichever way they come: HTTP or the events socket.

`RestInterface.answer` takes a `Command` and returns an `Answer` with the events that it causes;
it sends nothing. Statuses and messages are those of Asterisk 22.10, oddities included: compare
the tests, which ask a real one the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from dialogari.ari.models import (
    AsteriskInfo,
    AsteriskPing,
    BuildInfo,
    ChannelUserevent,
    ConfigInfo,
    SetId,
    StatusInfo,
    SystemInfo,
    Variable,
)
from dialogari.ari.testing.exchange import ASTERISK_ID, now

if TYPE_CHECKING:
    from collections.abc import Callable

    from dialogari.ari.models import Event
    from dialogari.ari.testing.call import FakeCall
    from dialogari.ari.testing.exchange import Exchange, Registration


@dataclass(frozen=True, slots=True)
class Command:
    """One REST request."""

    method: str
    path: tuple[str, ...]
    """Decoded segments after `/ari/`."""
    body: Any = None
    """Decoded JSON; None: there was none."""
    query: tuple[tuple[str, str], ...] = ()

    def parameter(self, name: str) -> Any:
        """Return a parameter: Asterisk takes each from the body as well as from the query."""
        body = cast("dict[str, Any]", self.body if isinstance(self.body, dict) else {})
        return body[name] if name in body else dict(self.query).get(name)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Asterisk answers, and the events it sends beside."""

    status: int
    body: Any = None
    """Object to encode as JSON; None: no body."""
    reason: str = ""
    """The status line's words; empty: the usual ones."""
    events: tuple[Event, ...] = ()
    events_first: bool = False

    @property
    def phrase(self) -> str:
        """The words of the status line."""
        return self.reason or HTTPStatus(self.status).phrase


class Refusal(Exception):
    """An operation that is not done."""

    def __init__(self, status: int, message: str, reason: str = "") -> None:
        super().__init__(status, message)
        self.answer = Answer(status, {"message": message}, reason)


@dataclass(frozen=True, slots=True)
class RestInterface:
    """All the operations there are."""

    exchange: Exchange
    version: str
    rest_over_websocket: bool
    bulk_variables: bool

    def answer(self, command: Command) -> Answer:
        """Carry a command out."""
        try:
            return self._find(command)(command)
        except Refusal as refusal:
            return refusal.answer

    def _find(self, command: Command) -> Callable[[Command], Answer]:
        methods = self._operations().get(_pattern(command.path))
        if methods is None:
            raise Refusal(404, "Resource not found")
        if command.method not in methods:
            raise Refusal(405, "Invalid method")
        return methods[command.method]

    def _operations(self) -> dict[str, dict[str, Callable[[Command], Answer]]]:
        """Return the operations by path, `*` for a name in it, and method."""
        bulk = {"channels/*/variables": {"POST": self._set_variables}}
        return {
            "api-docs/channels.json": {"GET": self._describe_channels},
            "api-docs/events.json": {"GET": self._describe_events},
            "applications": {"GET": self._list_applications},
            "applications/*": {"GET": self._get_application},
            "applications/*/eventFilter": {"PUT": self._filter_events},
            "asterisk/info": {"GET": self._get_info},
            "asterisk/ping": {"GET": self._ping},
            "channels": {"GET": self._list_channels},
            "channels/*": {"GET": self._get_channel, "DELETE": self._hang_up},
            "channels/*/continue": {"POST": self._continue},
            "channels/*/variable": {"GET": self._get_variable, "POST": self._set_variable},
            "events/user/*": {"POST": self._publish_user_event},
        } | (bulk if self.bulk_variables else {})

    def _describe_channels(self, _: Command) -> Answer:
        bulk = [{"path": "/channels/{channelId}/variables"}] if self.bulk_variables else []
        return Answer(200, {"apis": [{"path": "/channels"}, *bulk], "models": {}})

    def _describe_events(self, _: Command) -> Answer:
        names = ["Event", *(["RESTRequest", "RESTResponse"] if self.rest_over_websocket else [])]
        models = {name: {"id": name} for name in names}
        return Answer(200, {"apis": [{"path": "/events"}], "models": models})

    def _ping(self, _: Command) -> Answer:
        return Answer(200, AsteriskPing(asterisk_id=ASTERISK_ID, ping="pong", timestamp=now()))

    def _get_info(self, command: Command) -> Answer:
        nobody, moment = SetId(user="", group=""), now()
        build = BuildInfo(
            os="Linux", kernel="", options="", machine="", date="2026-07-20 21:35:32 UTC", user=""
        )
        sections = {
            "build": AsteriskInfo(build=build),
            "system": AsteriskInfo(system=SystemInfo(version=self.version, entity_id=ASTERISK_ID)),
            "config": AsteriskInfo(
                config=ConfigInfo(name="fake", default_language="en", setid=nobody)
            ),
            "status": AsteriskInfo(status=StatusInfo(startup_time=moment, last_reload_time=moment)),
        }
        wanted = str(command.parameter("only") or "build,system,config,status").split(",")
        shown = {name: getattr(part, name) for name, part in sections.items() if name in wanted}
        return Answer(200, shown)

    def _list_applications(self, _: Command) -> Answer:
        known = self.exchange.applications.values()
        return Answer(200, [self.exchange.describe(application) for application in known])

    def _get_application(self, command: Command) -> Answer:
        return Answer(200, self.exchange.describe(self._application(command.path[1])))

    def _filter_events(self, command: Command) -> Answer:
        known = self._application(command.path[1])
        wanted = cast("dict[str, Any]", command.body or {})
        allowed, disallowed = wanted.get("allowed", []), wanted.get("disallowed", [])
        if not isinstance(allowed, list) or not isinstance(disallowed, list):
            raise Refusal(400, "Invalid format definition")
        known.allowed = [entry["type"] for entry in cast("list[dict[str, str]]", allowed)]
        known.disallowed = [entry["type"] for entry in cast("list[dict[str, str]]", disallowed)]
        return Answer(200, self.exchange.describe(known))

    def _publish_user_event(self, command: Command) -> Answer:
        application = command.parameter("application")
        if not application:
            raise Refusal(400, "Missing parameter application")
        name = command.path[2]
        event = ChannelUserevent(
            application=self._application(application).name,
            timestamp=now(),
            eventname=name,
            userevent={**(command.parameter("variables") or {}), "eventname": name},
        )
        return Answer(204, events=(event,))

    def _list_channels(self, _: Command) -> Answer:
        return Answer(200, [call.channel for call in self.exchange.calls.values()])

    def _get_channel(self, command: Command) -> Answer:
        return Answer(200, self._call(command).channel)

    def _hang_up(self, command: Command) -> Answer:
        return Answer(204, events=tuple(self._call(command).end(by_application=True)))

    def _continue(self, command: Command) -> Answer:
        return Answer(204, events=tuple(self._controlled(self._call(command)).leave()))

    def _get_variable(self, command: Command) -> Answer:
        name = command.parameter("variable")
        if not name:
            raise Refusal(400, "Variable name is required")
        call = self.exchange.calls.get(command.path[1])
        if call is None:
            raise Refusal(404, "Provided channel was not found", "Channel Not Found")
        value = call.get_variable(name)
        if value is None:
            raise Refusal(404, "Provided variable was not found", "Variable Not Found")
        return Answer(200, Variable(value=value))

    def _set_variable(self, command: Command) -> Answer:
        call = self._controlled(self._call(command))
        name, value = command.parameter("variable"), command.parameter("value")
        if not name:
            raise Refusal(400, "Variable name is required")
        # Anything but a string unsets the variable, and the answer is 204 all the same.
        events = call.set_variable(name, value if isinstance(value, str) else None)
        return Answer(204, events=tuple(events), events_first=True)

    def _set_variables(self, command: Command) -> Answer:
        call = self.exchange.calls.get(command.path[1])
        if call is None:
            raise Refusal(404, "Provided channel was not found", "Channel Not Found")
        wanted = command.parameter("variables")
        if command.body is None:
            raise Refusal(400, "The 'variables' field is required")
        if not isinstance(wanted, dict):
            raise Refusal(400, "The 'variables' field must be a JSON object")
        values = cast("dict[str, Any]", wanted)
        texts = {name: _bulk_text(value) for name, value in values.items() if name}
        self._controlled(call)
        events = [event for name in texts for event in call.set_variable(name, texts[name])]
        return Answer(204, events=tuple(events), events_first=True)

    def _application(self, name: str) -> Registration:
        known = self.exchange.applications.get(name)
        if known is None:
            raise Refusal(404, "Application not found")
        return known

    def _call(self, command: Command) -> FakeCall:
        call = self.exchange.calls.get(command.path[1])
        if call is None:
            raise Refusal(404, "Channel not found")
        return call

    def _controlled(self, call: FakeCall) -> FakeCall:
        if not call.in_stasis:
            raise Refusal(409, "Channel not in Stasis application")
        return call


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


def _pattern(path: tuple[str, ...]) -> str:
    """Return the path with `*` in place of the name it holds."""
    place = {"applications": 1, "channels": 1, "events": 2}.get(path[0] if path else "")
    return "/".join("*" if index == place else part for index, part in enumerate(path))
