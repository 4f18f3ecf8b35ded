"""A bridge of a FakeAsterisk: who is in it, and the events of coming and going."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogari.ari.models import (
    Bridge as BridgeModel,
)
from dialogari.ari.models import (
    BridgeCreated,
    BridgeDestroyed,
    ChannelEnteredBridge,
    ChannelLeftBridge,
)
from dialogari.ari.testing.exchange import now
from dialogari.ari.testing.line import Line

if TYPE_CHECKING:
    from dialogari.ari.testing.exchange import Exchange
    from dialogari.ari.testing.leg import Leg

PAIR = 2


class Bridge:
    """One bridge; `kind` is `mixing` or `holding`."""

    def __init__(self, exchange: Exchange, identifier: str, kind: str, name: str) -> None:
        self.exchange = exchange
        self.id = identifier
        self.legs: list[Leg] = []
        self.has_music = False
        self.played: list[str] = []
        self._kind = kind
        self._name = name
        self._created = now()
        self.line = Line(lambda: None)
        self.recording_line = Line(lambda: None)
        exchange.bridges[identifier] = self
        event = BridgeCreated(application="", timestamp=now(), bridge=self.model)
        exchange.tell(event, self.uri)

    @property
    def uri(self) -> str:
        """What applications subscribe to."""
        return f"bridge:{self.id}"

    @property
    def is_ending(self) -> bool:
        """Whether it is no more."""
        return self.id not in self.exchange.bridges

    @property
    def model(self) -> BridgeModel:
        """The bridge as ARI shows it."""
        return BridgeModel(
            id=self.id,
            technology="simple_bridge" if self._kind == "mixing" else "holding_bridge",
            bridge_type=self._kind,
            bridge_class="stasis",
            creator="Stasis",
            name=self._name,
            channels=[leg.id for leg in self.legs],
            creationtime=self._created,
            video_mode="talker",
        )

    def heard(self, uri: str) -> None:
        """Take note of a medium that is played."""
        self.played.append(uri)

    def add(self, leg: Leg) -> None:
        """Let a channel in, out of the bridge where it is."""
        if leg.bridge is not None:
            leg.bridge.remove(leg)
        self.legs.append(leg)
        leg.bridge = self
        if leg.application is not None:
            self.exchange.subscribe(leg.application, self.uri)
        event = ChannelEnteredBridge(
            application="", timestamp=now(), bridge=self.model, channel=leg.model
        )
        self.exchange.tell(event, self.uri, leg.uri)
        self._introduce()

    def remove(self, leg: Leg, *, hung_up: bool = False) -> None:
        """Let a channel out; one that hangs up leaves its application subscribed, as measured."""
        if leg not in self.legs:
            return
        self._part()
        self.legs.remove(leg)
        leg.bridge = None
        event = ChannelLeftBridge(
            application="", timestamp=now(), bridge=self.model, channel=leg.model
        )
        self.exchange.tell(event, self.uri, leg.uri)
        if leg.application is not None and not hung_up:
            self.exchange.unsubscribe(leg.application, self.uri)

    def destroy(self) -> None:
        """End it; its channels stay in Stasis."""
        for leg in list(self.legs):
            self.remove(leg)
        del self.exchange.bridges[self.id]
        self.line.interrupt()
        self.recording_line.interrupt()
        event = BridgeDestroyed(application="", timestamp=now(), bridge=self.model)
        self.exchange.tell(event, self.uri)
        self.exchange.forget(self.uri)

    def _introduce(self) -> None:
        if len(self.legs) == PAIR and self._kind == "mixing":
            first, second = self.legs
            first.tell_variable("BRIDGEPEER", second.name)
            second.tell_variable("BRIDGEPEER", first.name)

    def _part(self) -> None:
        if len(self.legs) == PAIR and self._kind == "mixing":
            for leg in self.legs:
                leg.tell_variable("BRIDGEPEER", "")
