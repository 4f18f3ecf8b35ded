"""FakeAsterisk: the server itself, and the levers a test pulls."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

import msgspec

from dialogari.ari.models import ApplicationReplaced, CallerID
from dialogari.ari.testing.applications import Nowhere
from dialogari.ari.testing.call import FakeCall
from dialogari.ari.testing.dispatch import Dispatcher
from dialogari.ari.testing.exchange import ASTERISK_ID, Exchange, now
from dialogari.ari.testing.leg import Leg
from dialogari.ari.testing.outgoing import Outgoing
from dialogari.ari.testing.rest import Answer, RestInterface
from dialogari.ari.testing.server import HTML, HttpServer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from types import TracebackType

    from dialogari.ari.testing.callee import Callee
    from dialogari.ari.testing.fault import Fault
    from dialogari.ari.testing.outbound import Outbound

STARTING = Answer(503, {"message": "Asterisk not booted"})
VERSIONS = {(True, True): "22.10.1", (True, False): "22.5.0", (False, False): "16.28.0"}


class FakeAsterisk:
    """An Asterisk on a free loopback port, from `async with` on.

    Args:
        rest_over_websocket: Take commands on the events socket, as 22.4 and later do.
        bulk_variables: Have `POST /channels/{id}/variables`, as 22.10 and later do. Without it
            variables come one by one, as it does not have the function ARRAY() either.
    """

    username = "fake"
    password = "fake secret"  # noqa: S105 - of a server that only tests reach

    def __init__(self, *, rest_over_websocket: bool = True, bulk_variables: bool = True) -> None:
        self._exchange = Exchange()
        version = VERSIONS.get((rest_over_websocket, bulk_variables), "22.10.1")
        rest = RestInterface(
            self._exchange,
            version,
            rest_over_websocket=rest_over_websocket,
            bulk_variables=bulk_variables,
        )
        self._dispatcher = Dispatcher(self._exchange, rest)
        self._outgoing = Outgoing(self._dispatcher)
        self._server = HttpServer(self._dispatcher, self._authorized)

    def __repr__(self) -> str:
        return f"<FakeAsterisk calls: {self.calls}>"

    async def __aenter__(self) -> Self:
        await self._server.open()
        self._outgoing.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._exchange.clock.stop()
        try:
            await self._outgoing.stop()
        finally:
            await self._server.close()

    @property
    def url(self) -> str:
        """Address of the REST interface."""
        return f"http://127.0.0.1:{self._server.port}/ari"

    @property
    def sounds(self) -> dict[str, float | None]:
        """Seconds that media last, by name or URI, such as `hello-world`; None: no such file.

        Others last a moment, `sound:silence/N` N seconds, and tones until they are stopped.
        """
        return self._exchange.sounds.seconds

    @property
    def callees(self) -> dict[str, Callee]:
        """Who is at the endpoints that are called, such as `PJSIP/*`; others answer at once."""
        return self._exchange.callees.known

    @property
    def extensions(self) -> dict[tuple[str, str], tuple[str, tuple[str, ...]]]:
        """The dialplan: by context and extension, the application and arguments of a Stasis()."""
        return self._exchange.extensions

    @property
    def calls(self) -> list[FakeCall]:
        """The calls that have not hung up."""
        return [FakeCall(leg) for leg in self._exchange.legs.values()]

    @property
    def applications(self) -> list[str]:
        """The names of the applications that it knows, with or without a client."""
        return list(self._exchange.applications)

    async def enter_stasis(
        self,
        app: str,
        args: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        *,
        answered: bool = True,
    ) -> FakeCall:
        """Let a new call run Stasis(), after Answer() or not; see `FakeCall.enter_stasis`."""
        call = FakeCall(self._new_leg(answered=answered))
        await call.enter_stasis(app, args, variables)
        return call

    def _new_leg(self, *, answered: bool) -> Leg:
        identifier = self._exchange.next_channel_id()
        name = f"PJSIP/fake-{identifier.rpartition('.')[2]:0>8}"
        leg = Leg(self._exchange, identifier, name, "Up" if answered else "Ring")
        leg.caller = CallerID(name="Caller", number="55501")
        return leg

    def call(self, channel_id: str) -> FakeCall:
        """Return the call with this channel, one that the application made for example.

        Raises:
            KeyError: there is none, or no longer.
        """
        return FakeCall(self._exchange.legs[channel_id])

    async def send(self, app: str, event: Mapping[str, Any]) -> None:
        """Send any event, known to Asterisk or not; what all events have is added."""
        shared = {"application": app, "timestamp": now(), "asterisk_id": ASTERISK_ID}
        frame = msgspec.json.encode({**shared, **event})
        self._exchange.deliver(app, str(event.get("type", "")), frame)

    async def send_frame(self, app: str, frame: str | bytes) -> None:
        """Send a frame as it is, of text or of bytes, to whoever has the application."""
        known = self._exchange.applications[app]
        if known.link is not None:
            content = frame.encode() if isinstance(frame, str) else frame
            known.link.send(content, binary=isinstance(frame, bytes))

    def inject(self, fault: Fault) -> None:
        """Have a fault meet the next commands that match it."""
        self._dispatcher.faults.add(fault)

    def heal(self) -> None:
        """Take back all faults, swallowed user events and stuck applications too."""
        self._dispatcher.faults.clear()
        self.swallow_user_events(False)
        for known in self._exchange.applications.values():
            known.stuck = False

    def stick(self, app: str) -> None:
        """Let an application get stuck as in asterisk issue 2170: no event reaches it any more.

        It looks registered, but asking for it, or for the list of all, is never answered.
        """
        self._exchange.applications[app].stuck = True

    @property
    def session_limit(self) -> int:
        """Connections that may be open, events sockets included; more are closed without a byte."""
        return self._server.session_limit

    @session_limit.setter
    def session_limit(self, limit: int) -> None:
        self._server.session_limit = limit

    @property
    def write_timeout(self) -> float:
        """Seconds for which a client may leave its socket unread; for sockets opened after."""
        return self._server.patience

    @write_timeout.setter
    def write_timeout(self, seconds: float) -> None:
        self._server.patience = seconds

    def swallow_user_events(self, swallow: bool = True) -> None:
        """Answer 204 to user events but send none: what a dead application's socket looks like."""
        self._exchange.swallow_user_events = swallow

    async def replace(self, app: str) -> None:
        """Let another client take an application over: its socket hears so, then nothing more."""
        known = self._exchange.applications[app]
        self._exchange.send(ApplicationReplaced(application=app, timestamp=now()))
        known.link = Nowhere()

    async def drop(self, *, code: int | None = None) -> None:
        """End all events sockets with a close code; None: cut them without a word."""
        await self._server.drop(code)
        await self._outgoing.drop(code)

    @asynccontextmanager
    async def down(self, *, lose_all: bool = False) -> AsyncGenerator[None]:
        """Refuse connections for a while, and cut those there are.

        Calls and applications stay where they are, or are lost as in an Asterisk that is killed.
        """
        await self._outgoing.close()
        await self._server.close()
        if lose_all:
            self._exchange.reset()
            self._outgoing.begin_anew()
        try:
            yield
        finally:
            await self._server.open()
            self._outgoing.open()

    @asynccontextmanager
    async def starting(self, *, loaded: bool = True) -> AsyncGenerator[None]:
        """Answer for a while as an Asterisk that has been started anew, without calls.

        First, before its modules are `loaded`, that is a page with status 404, then JSON with 503.
        """
        self._server.starting = STARTING if loaded else Answer(404, HTML)
        async with self.down(lose_all=True):
            pass
        try:
            yield
        finally:
            self._server.starting = None

    async def connect_out(self, outbound: Outbound) -> None:
        """Connect to a server of an application's, from now on; see `Outbound`."""
        self._outgoing.connect(outbound)

    async def disconnect_out(self, outbound: Outbound) -> None:
        """Connect there no more. Sockets of calls stay as long as these do."""
        self._outgoing.disconnect(outbound)

    def _authorized(self, header: str | None, key: str | None) -> bool:
        """Check the credentials; a header counts more than `api_key`, as measured."""
        expected = f"{self.username}:{self.password}"
        if header is None:
            return key == expected
        return header == f"Basic {base64.b64encode(expected.encode()).decode()}"
