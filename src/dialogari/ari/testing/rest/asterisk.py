"""Operations of `asterisk` and the API's descriptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialogari.ari.models import (
    AsteriskInfo,
    AsteriskPing,
    BuildInfo,
    ConfigInfo,
    Module,
    SetId,
    StatusInfo,
    SystemInfo,
    Variable,
)
from dialogari.ari.testing.exchange import ASTERISK_ID, now
from dialogari.ari.testing.rest.command import Answer, Refusal

if TYPE_CHECKING:
    from dialogari.ari.testing.exchange import Exchange
    from dialogari.ari.testing.rest.command import Command, Routes

MODULES = {
    "app_stasis.so": "Stasis dialplan application",
    "res_ari.so": "Asterisk RESTful Interface",
    "res_ari_channels.so": "RESTful API module - Channel resources",
    "res_stasis.so": "Stasis application support",
}


@dataclass(frozen=True, slots=True)
class AsteriskOperations:
    """What is asked of Asterisk itself."""

    exchange: Exchange
    version: str
    rest_over_websocket: bool
    bulk_variables: bool

    def routes(self) -> Routes:
        """Return the operations by path and method."""
        return {
            "api-docs/channels.json": {"GET": self._describe_channels},
            "api-docs/events.json": {"GET": self._describe_events},
            "asterisk/info": {"GET": self._get_info},
            "asterisk/modules": {"GET": self._list_modules},
            "asterisk/modules/*": {"GET": self._get_module},
            "asterisk/ping": {"GET": self._ping},
            "asterisk/variable": {"GET": self._get_variable, "POST": self._set_variable},
        }

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

    def _list_modules(self, _: Command) -> Answer:
        return Answer(200, [_module(name) for name in MODULES])

    def _get_module(self, command: Command) -> Answer:
        if command.path[2] not in MODULES:
            raise Refusal(404, "Module could not be found in running modules")
        return Answer(200, _module(command.path[2]))

    def _get_variable(self, command: Command) -> Answer:
        name = _variable_name(command)
        return Answer(200, Variable(value=self.exchange.variables.get(name, "")))

    def _set_variable(self, command: Command) -> Answer:
        self.exchange.variables[_variable_name(command)] = command.text("value")
        return Answer(204)


def _variable_name(command: Command) -> str:
    name = command.text("variable")
    if not name:
        raise Refusal(400, "Variable name is required")
    return name


def _module(name: str) -> Module:
    return Module(
        name=name,
        description=MODULES[name],
        use_count=0,
        status="Running",
        support_level="core",
    )
