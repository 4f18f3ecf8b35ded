"""One call on a FakeAsterisk: its channel, its variables, and what its caller does.

Methods that a test calls send the events that Asterisk would; those without `async` only change
the state and return the events, for `rest`, which decides when they are sent.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dialogari.ari.models import (
    CallerID,
    Channel,
    ChannelHangupRequest,
    ChannelVarset,
    DialplanCEP,
    StasisEnd,
    StasisStart,
)
from dialogari.ari.testing.exchange import now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dialogari.ari.models import Event
    from dialogari.ari.testing.exchange import Exchange

NORMAL_CLEARING = 16
"""Cause of an ordinary hang-up (ITU-T Q.850)."""


class FakeCall:
    """A call that a FakeAsterisk's dialplan sent into Stasis()."""

    def __init__(self, exchange: Exchange, channel_id: str) -> None:
        self._exchange = exchange
        self._created = now()
        self._left = asyncio.Event()
        self._dialplan = ("Wait", "600")
        self.id = channel_id
        self.application: str | None = None
        """The application that has the call; None: it is in the dialplan, or over."""
        self.hung_up = False
        self.given: dict[str, str] = {}
        """Variables, and functions such as CALLERID(num), as the dialplan set them."""
        self.variables: dict[str, str] = {}
        """What was set over ARI since the call last entered Stasis, the latest last."""

    @property
    def in_stasis(self) -> bool:
        """Whether an application has the call."""
        return self.application is not None

    @property
    def channel(self) -> Channel:
        """The channel as `GET /channels/{id}` and the events show it."""
        application, arguments = self._dialplan
        nobody = CallerID(name="", number="")
        return Channel(
            id=self.id,
            name=f"PJSIP/fake-{self.id.rpartition('.')[2]:0>8}",
            state="Up",
            protocol_id=f"{self.id}@127.0.0.1",
            caller=CallerID(name="Caller", number="55501"),
            connected=nobody,
            accountcode="",
            dialplan=DialplanCEP(
                context="fake", exten="s", priority=2, app_name=application, app_data=arguments
            ),
            creationtime=self._created,
            language="en",
        )

    async def enter_stasis(
        self, application: str, args: Sequence[str] = (), variables: Mapping[str, str] | None = None
    ) -> None:
        """Let the dialplan run Stasis(), for the first time or again.

        Without a client connected for the application Stasis() fails at once: `in_stasis` stays
        false and no event is sent.
        """
        known = self._exchange.applications.get(application)
        self.given |= self.variables | dict(variables or {})
        self.variables = {}
        if self.hung_up or known is None or known.link is None:
            return
        self._dialplan = ("Stasis", ",".join([application, *args]))
        self.application = application
        self._left.clear()
        start = StasisStart(
            application=application, timestamp=now(), args=list(args), channel=self.channel
        )
        await self._exchange.publish(start)

    async def left(self, seconds: float = 5.0) -> None:
        """Wait until the application has sent the call on with `continue`, or the caller has gone.

        By then its StasisEnd has been sent.

        Raises:
            TimeoutError: it is still in Stasis after that many seconds.
        """
        async with asyncio.timeout(seconds):
            await self._left.wait()

    async def hang_up(self) -> None:
        """Let the caller hang up."""
        for event in self.end():
            await self._exchange.publish(event)

    def set_variable(self, name: str, value: str | None) -> list[Event]:
        """Set a variable, or unset it with None; return what Asterisk sends then."""
        known = name in self.variables or name in self.given
        self.variables.pop(name, None)
        if value is None:
            self.given.pop(name, None)
        else:
            self.variables[name] = value
        if self.application is None or (value is None and not known):
            return []
        changed = ChannelVarset(
            application=self.application,
            timestamp=now(),
            variable=name,
            value=value or "",
            channel=self.channel,
        )
        return [changed]

    def get_variable(self, name: str) -> str | None:
        """Return a variable as it now is; None: there is none."""
        return self.variables.get(name, self.given.get(name))

    def leave(self) -> list[Event]:
        """Go back to the dialplan."""
        if self.application is None:
            return []
        end = StasisEnd(application=self.application, timestamp=now(), channel=self.channel)
        application, self.application = self.application, None
        self._dialplan = ("Wait", "600")
        self._exchange.leaving[self.id] = self._left
        self._exchange.forget_if_unused(application)
        return [end]

    def end(self, *, by_application: bool = False) -> list[Event]:
        """Hang up, whoever does."""
        self.hung_up = True
        self._exchange.calls.pop(self.id, None)
        if self.application is None:
            return []
        request = ChannelHangupRequest(
            application=self.application,
            timestamp=now(),
            cause=NORMAL_CLEARING,
            soft=True if by_application else None,
            channel=self.channel,
        )
        return [request, *self.leave()]
