"""One application on one Asterisk, as a program works with it: all operations, and its handles."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from dialogari.ari import operations
from dialogari.ari.calls import Calls
from dialogari.ari.handles.bridge import open_bridge
from dialogari.ari.handles.leg import call_out
from dialogari.ari.routing import EarlyEvents, Listener, Router

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from contextlib import AbstractAsyncContextManager
    from typing import Unpack

    from dialogari.ari.calls import Spawn
    from dialogari.ari.features import Features
    from dialogari.ari.handlers import Handlers
    from dialogari.ari.handles.bridge import Bridge, BridgeKind
    from dialogari.ari.handles.channel import Channel
    from dialogari.ari.handles.leg import CallOptions
    from dialogari.ari.link import Link, LinkState
    from dialogari.ari.request import Request, Response

E = TypeVar("E")


class Session:
    """One application on one Asterisk, across every loss of the link."""

    def __init__(self, link: Link, handlers: Handlers, spawn: Spawn) -> None:
        self._link = link
        self._spawn = spawn
        self.router = Router()
        self.calls = Calls(self, handlers)

    def __repr__(self) -> str:
        return f"<Session {self.application!r} on {self.peer} {self.state}>"

    @property
    def application(self) -> str:
        """Its name as Asterisk knows it; where each call has its own socket, its own name too."""
        return self._link.application

    @property
    def dialplan_name(self) -> str:
        """What stands in Stasis(): `application`, except where each call has its own socket."""
        return self._link.dialplan_name

    @property
    def peer(self) -> str:
        """The Asterisk: its address, or its id where it connected to us."""
        return self._link.peer

    @property
    def state(self) -> LinkState:
        """Where the link stands; calls are served reliably only when it is READY."""
        return self._link.state

    @property
    def generation(self) -> int:
        """How often the link was connected and proven."""
        return self._link.generation

    @property
    def version(self) -> str:
        """The Asterisk's version as it names it; empty before the first connect."""
        return self._link.probe.version

    @property
    def features(self) -> Features:
        """What the Asterisk can do."""
        return self._link.probe.features

    async def wait_until_ready(self) -> None:
        """Wait, without a limit of its own, until the link is READY."""
        await self._link.ready.wait()

    async def send(self, request: Request) -> Response:
        """Send any command. Raises AriError."""
        return await self._link.send(request)

    def listen(
        self, *keys: str, types: tuple[type[E], ...] = (), early: EarlyEvents | None = None
    ) -> Listener[E]:
        """Return a listener for what concerns these objects; without any, for everything.

        A key names an object as `Event.keys` does: `channel:ID`, `bridge:ID`, `endpoint:PJSIP/200`.
        `early`: what to begin with.
        """
        return Listener(self.router, keys, types, early)

    async def subscribe(self, source: str) -> None:
        """Hear of something beside our calls, such as `endpoint:PJSIP/alice`, from now on.

        It is remembered and asked for again after each connect.

        Raises:
            AriError: there is no such thing, or Asterisk can't be reached.
        """
        await self._link.interest.add(self.send, self.application, source)

    async def unsubscribe(self, source: str) -> None:
        """Hear of it no more. Raises AriError."""
        await self._link.interest.remove(self.send, self.application, source)

    def forget(self, source: str) -> None:
        """Take note that Asterisk has forgotten a subscription together with its object."""
        self._link.interest.forget(source)

    async def publish(
        self, name: str, variables: Mapping[str, object] | None = None, *, about: str | None = None
    ) -> None:
        """Send a ChannelUserevent to our own application, for its listeners.

        Args:
            name: The event's `eventname`.
            variables: Its `userevent`: any JSON.
            about: `channel:ID`, `bridge:ID` or `endpoint:TECH/NAME`, for the listeners of that.

        Raises:
            AriError: there is no such thing, or Asterisk can't be reached.
        """
        await self.events.user_event(name, self.application, source=about, variables=variables)

    def bridge(
        self, kind: BridgeKind = "mixing", *, name: str | None = None
    ) -> AbstractAsyncContextManager[Bridge]:
        """Make a bridge; `async with` the result. Destroyed at the end of the scope.

        Args:
            kind: `mixing`: all hear each other; `holding`: participants hear music or announcers.
            name: For people to read.

        Raises:
            AriError: it could not be made.
        """
        return open_bridge(self, kind, name)

    def originate(
        self, endpoint: str, *, seconds: int = 30, **options: Unpack[CallOptions]
    ) -> AbstractAsyncContextManager[Channel]:
        """Call an endpoint such as `PJSIP/alice`; `async with` the result.

        The scope begins when the call has been answered and is in our application; no handler is
        started for it. At its end, or where it is cancelled, the call is hung up.

        Raises:
            ChannelGone: it was not answered in so many seconds (`cause` 19), or refused, as by a
                busy line (17).
            NotCallable: nobody can be called there.
            UnknownOutcome: no answer came, and there is no such call; if it comes about after all
                it is hung up.
            TimeoutError: no event came in time.
            AriError: it could not be begun.
        """
        return call_out(self, endpoint, seconds, options)

    def spawn(self, coroutine: Coroutine[object, object, None]) -> None:
        """Run a task that ends with the client; it must not raise."""
        self._spawn(coroutine)

    @cached_property
    def applications(self) -> operations.Applications:
        """Operations of `/applications`."""
        return operations.Applications(self.send)

    @cached_property
    def asterisk(self) -> operations.Asterisk:
        """Operations of `/asterisk`."""
        return operations.Asterisk(self.send)

    @cached_property
    def bridges(self) -> operations.Bridges:
        """Operations of `/bridges`."""
        return operations.Bridges(self.send)

    @cached_property
    def channels(self) -> operations.Channels:
        """Operations of `/channels`."""
        return operations.Channels(self.send)

    @cached_property
    def device_states(self) -> operations.DeviceStates:
        """Operations of `/deviceStates`."""
        return operations.DeviceStates(self.send)

    @cached_property
    def endpoints(self) -> operations.Endpoints:
        """Operations of `/endpoints`."""
        return operations.Endpoints(self.send)

    @cached_property
    def events(self) -> operations.Events:
        """Operations of `/events`."""
        return operations.Events(self.send)

    @cached_property
    def mailboxes(self) -> operations.Mailboxes:
        """Operations of `/mailboxes`."""
        return operations.Mailboxes(self.send)

    @cached_property
    def playbacks(self) -> operations.Playbacks:
        """Operations of `/playbacks`."""
        return operations.Playbacks(self.send)

    @cached_property
    def recordings(self) -> operations.Recordings:
        """Operations of `/recordings`."""
        return operations.Recordings(self.send)

    @cached_property
    def sounds(self) -> operations.Sounds:
        """Operations of `/sounds`."""
        return operations.Sounds(self.send)
