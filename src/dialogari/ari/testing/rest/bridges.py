"""Operations of `bridges`, but for media."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialogari.ari.testing.bridge import Bridge
from dialogari.ari.testing.rest.command import Answer, Refusal
from dialogari.ari.testing.rest.find import find_bridge

if TYPE_CHECKING:
    from collections.abc import Callable

    from dialogari.ari.testing.exchange import Exchange
    from dialogari.ari.testing.leg import Leg
    from dialogari.ari.testing.rest.command import Command, Routes

    Answered = Answer | asyncio.Future[Answer]

KINDS = ("mixing", "holding")
FEATURES = ("dtmf_events", "proxy_media", "video_sfu", "video_single", "sdp_label")


@dataclass(frozen=True, slots=True)
class BridgeOperations:
    """What an application does with bridges."""

    exchange: Exchange

    def routes(self) -> Routes:
        """Return the operations by path and method."""
        return {
            "bridges": {"GET": self._list, "POST": self._create},
            "bridges/*": {
                "GET": self._get,
                "POST": self._create_with_id,
                "DELETE": self._destroy,
            },
            "bridges/*/addChannel": {"POST": self._add},
            "bridges/*/removeChannel": {"POST": self._remove},
            "bridges/*/moh": {"POST": self._start_music, "DELETE": self._stop_music},
        }

    def _list(self, _: Command) -> Answer:
        return Answer(200, [bridge.model for bridge in self.exchange.bridges.values()])

    def _get(self, command: Command) -> Answer:
        bridge = self.exchange.bridges.get(command.path[1])
        if bridge is None:
            raise Refusal(404, "Bridge not found")
        return Answer(200, bridge.model)

    def _create(self, command: Command) -> Answer:
        name = command.text("bridgeId")
        kinds = command.text("type").split(",") if command.text("type") else ["mixing"]
        if name in self.exchange.bridges or not set(kinds) <= {*KINDS, *FEATURES}:
            words = f"Unable to create bridge. Possible duplicate bridge id '{name or '(null)'}'"
            raise Refusal(500, words, "Internal Error")
        kind = "holding" if "holding" in kinds else "mixing"
        bridge = Bridge(self.exchange, name or str(uuid.uuid4()), kind, command.text("name"))
        return Answer(200, bridge.model)

    def _create_with_id(self, command: Command) -> Answer:
        name = command.path[1]
        if name in self.exchange.bridges:
            raise Refusal(409, f"Bridge with id '{name}' already exists")
        kind = "holding" if "holding" in command.text("type").split(",") else "mixing"
        return Answer(200, Bridge(self.exchange, name, kind, command.text("name")).model)

    def _destroy(self, command: Command) -> Answer:
        self._find(command).destroy()
        return Answer(204)

    def _find(self, command: Command) -> Bridge:
        return find_bridge(self.exchange, command.path[1])

    def _legs(self, command: Command) -> list[Leg]:
        """Return the channels that are named, in Stasis all of them."""
        names = command.texts("channel")
        if not names:
            raise Refusal(400, "Missing parameter channel")
        if any(name not in self.exchange.legs for name in names):
            raise Refusal(400, "Channel not found")
        legs = [self.exchange.legs[name] for name in names]
        if any(leg.application is None for leg in legs):
            raise Refusal(422, "Channel not in Stasis application")
        return legs

    def _add(self, command: Command) -> Answered:
        bridge = self._find(command)
        return _each_in_turn(self._legs(command), bridge.add)

    def _remove(self, command: Command) -> Answered:
        bridge = self._find(command)
        legs = self._legs(command)
        if any(leg.bridge is not bridge for leg in legs):
            raise Refusal(422, "Channel not in this bridge")
        return _each_in_turn(legs, bridge.remove)

    def _start_music(self, command: Command) -> Answer:
        self._find(command).has_music = True
        return Answer(204)

    def _stop_music(self, command: Command) -> Answer:
        bridge = self._find(command)
        if not bridge.has_music:
            raise Refusal(409, "Bridge isn't playing music")
        bridge.has_music = False
        return Answer(204)


def _each_in_turn(legs: list[Leg], act: Callable[[Leg], None]) -> Answered:
    """Do something with each channel, in its own line, and answer when all of them have."""
    result: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    missing = len(legs)

    def do(leg: Leg) -> None:
        nonlocal missing
        if leg.application is not None:
            act(leg)
        missing -= 1
        if not missing and not result.done():
            result.set_result(Answer(204, events_first=True))

    for leg in legs:
        leg.line.do(lambda leg=leg: do(leg))
    return result.result() if result.done() else result
