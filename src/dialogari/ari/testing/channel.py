"""What a channel of a FakeAsterisk is at the moment, and the events that say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogari.ari.models import (
    CallerID,
    Channel,
    ChannelDialplan,
    ChannelHangupRequest,
    ChannelStateChange,
    ChannelVarset,
    DialplanCEP,
)
from dialogari.ari.testing.exchange import now

if TYPE_CHECKING:
    from dialogari.ari.testing.exchange import Exchange


class ChannelState:
    """A channel without its life: what ARI shows of it."""

    def __init__(self, exchange: Exchange, identifier: str, name: str, state: str) -> None:
        self.exchange = exchange
        self.id = identifier
        self.name = name
        self.state = state
        self.caller = CallerID(name="", number="")
        self.connected = CallerID(name="", number="")
        self.place = ("fake", "s", 2)
        """Context, extension and priority."""
        self.dialplan: tuple[str, str] = ("Wait", "600")
        """Application and its arguments."""
        self.given: dict[str, str] = {}
        """Variables that the dialplan or an originate set."""
        self.variables: dict[str, str] = {}
        """Those that were set over ARI."""
        self.own: dict[str, str] = {}
        """Those of Asterisk itself."""
        self.played: list[str] = []
        self._created = now()

    @property
    def uri(self) -> str:
        """What applications subscribe to."""
        return f"channel:{self.id}"

    @property
    def model(self) -> Channel:
        """The channel as `GET /channels/{id}` and the events show it."""
        application, arguments = self.dialplan
        context, extension, priority = self.place
        return Channel(
            id=self.id,
            name=self.name,
            state=self.state,
            protocol_id="" if self.name.startswith("Local/") else f"{self.id}@127.0.0.1",
            caller=self.caller,
            connected=self.connected,
            accountcode="",
            dialplan=DialplanCEP(
                context=context,
                exten=extension,
                priority=priority,
                app_name=application,
                app_data=arguments,
            ),
            creationtime=self._created,
            language="en",
        )

    def heard(self, uri: str) -> None:
        """Take note of a medium that is played."""
        self.played.append(uri)

    def change_state(self, state: str) -> None:
        """Ring, or be answered."""
        if state != self.state:
            self.state = state
            event = ChannelStateChange(application="", timestamp=now(), channel=self.model)
            self.exchange.tell(event, self.uri)

    def tell_variable(self, name: str, value: str) -> None:
        """Set a variable as Asterisk itself does, which is no matter of the application's."""
        self.own[name] = value
        self._tell_variable(name, value)

    def _tell_variable(self, name: str, value: str) -> None:
        event = ChannelVarset(
            application="", timestamp=now(), variable=name, value=value, channel=self.model
        )
        self.exchange.tell(event, self.uri)

    def set_variable(self, name: str, value: str | None) -> None:
        """Set a variable, or unset it with None."""
        known = name in self.variables or name in self.given
        self.variables.pop(name, None)
        if value is None:
            self.given.pop(name, None)
        else:
            self.variables[name] = value
        if value is not None or known:
            self._tell_variable(name, value or "")

    def get_variable(self, name: str) -> str | None:
        """Return a variable as it now is; None: there is none."""
        own = self.own.get(name) or None  # empty is unset there
        return self.variables.get(name, self.given.get(name, own))

    def run(self, application: str, arguments: str) -> None:
        """Run an application of the dialplan."""
        self.dialplan = (application, arguments)
        event = ChannelDialplan(
            application="",
            timestamp=now(),
            channel=self.model,
            dialplan_app=application,
            dialplan_app_data=arguments,
        )
        self.exchange.tell(event, self.uri)

    def request_hangup(self, cause: int, *, soft: bool = False) -> None:
        """Tell that the channel is asked to hang up."""
        request = ChannelHangupRequest(
            application="",
            timestamp=now(),
            cause=cause,
            soft=True if soft else None,
            channel=self.model,
        )
        self.exchange.tell(request, self.uri)
