"""The outbound way: Asterisk connects to us, once for all calls or once for each.

Theory of operation. What Asterisk opens is not ours to open again, so doubt never closes a socket:
a link whose echo fails is not READY until one comes back, and goes on trying. ApplicationReplaced
means little here, since Asterisk sends it to sockets that keep the application as well (a reload,
a call that comes back within three seconds); the echo tells. All of it measured on 22.10.

- Persistent: the application is there while Asterisk is. What happens while we are away, new calls
  included, is kept by Asterisk and comes first on the next socket.
- Per call: each call has a socket and an application `NAME:CHANNELNAME` of its own, half a second
  later than otherwise. A cut socket is opened again, without a new StasisStart; three tries in
  1.5 s, then the call goes back to the dialplan. One that comes back into Stasis() within three
  seconds goes deaf (a fault of Asterisk's): it is looked after by snapshots instead.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NoReturn, Self

from aiohttp import WSCloseCode

from dialogari.ari.backoff import backoff
from dialogari.ari.echo import Echo
from dialogari.ari.errors import AriError, Unreachable
from dialogari.ari.features import Probe
from dialogari.ari.link import ECHO_INTERVAL, Link, LinkState
from dialogari.ari.models import Event, FrameError, decode_event
from dialogari.ari.snapshot import take_own_snapshot, take_snapshot
from dialogari.ari.transport.server import accept_event_sockets

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from types import TracebackType

    from dialogari.ari.client import Sessions
    from dialogari.ari.interest import Interest
    from dialogari.ari.link import Receiver
    from dialogari.ari.models import Channel
    from dialogari.ari.transport.server import Door
    from dialogari.ari.transport.websocket import EventSocket

logger = logging.getLogger(__name__)

CALL_ECHO_INTERVAL = 15.0
"""Longer than that of a link that carries all calls, as there may be a thousand of these."""
GREETING_LIMIT = 10.0
"""Seconds for the first frame, which Asterisk sends at once."""
RETURN_LIMIT = 10.0
"""Seconds after which a call whose own socket did not come again is over; Asterisk tries 1.5."""
CLOSED_LIMIT = 1.0
"""So many where it closed that with 1000, as it does when the call has left."""
FOREIGN_PAUSE = 5.0
"""Seconds a socket of another application is kept, as Asterisk opens it again at once."""


class OutboundLink(Link):
    """One application of an Asterisk that connects to us."""

    def __init__(
        self, peer: str, application: str, dialplan_name: str, probe: Probe, interest: Interest
    ) -> None:
        super().__init__(peer, application, probe, interest, http=None)
        self.dialplan_name = dialplan_name
        self.per_call = application != dialplan_name
        self.sockets = 0
        """How many it has: a call that is soon back has two for a while, and closing the older one
        makes Asterisk open it again. Both are read; the newer one is proven and has the commands.
        """

    async def _stay(self, socket: EventSocket, receiver: Receiver, echo: Echo) -> NoReturn:
        interval = CALL_ECHO_INTERVAL if self.per_call else ECHO_INTERVAL
        delays = backoff()
        while self._socket is socket:
            ready = self.state is LinkState.READY
            proof = echo.prove() if ready else self._prove(receiver, echo)
            if await self._attempt(socket, proof):
                delays = backoff()
                await asyncio.sleep(interval)
                continue
            if self.per_call:
                await self._attempt(socket, self._look(receiver))
            # An Asterisk that starts connects before it has loaded what a proof takes.
            await asyncio.sleep(next(delays))
        await asyncio.Event().wait()
        raise AssertionError  # nobody sets that event: it waits for the reading to end

    async def _prove(self, receiver: Receiver, echo: Echo) -> None:
        if not (self.per_call and self.probe.version):
            await self.probe.ask(self.send)
        await super()._prove(receiver, echo)

    async def _attempt(self, socket: EventSocket, doing: Awaitable[None]) -> bool:
        """Do something that proves the link; tell whether it did."""
        try:
            await doing
        except AriError as error:
            if self._socket is not socket:
                return False
            if self.state is LinkState.READY or self.generation == 0:
                extra = {"server": self.peer, "application": self.application, "cause": str(error)}
                logger.warning("ari_link_doubtful", extra=extra)
            self.state = LinkState.CONNECTING
            self.ready.clear()
            return False
        return True

    async def _look(self, receiver: Receiver) -> None:
        """Compare what we know with what is there, though no event comes."""
        since = asyncio.get_running_loop().time()
        receiver.recover(await self._take_snapshot(receiver.channel_ids()), since)

    def _replaced(self) -> None:
        logger.info("ari_application_replaced", extra={"application": self.application})

    async def _take_snapshot(self, known: Sequence[str]) -> Sequence[Channel]:
        snapshot = take_own_snapshot if self.per_call else take_snapshot
        return await snapshot(self.send, self.application, known)


class Outbound:
    """Listens for Asterisk's sockets and has a link for each application that comes."""

    def __init__(self, door: Door, application: str, interest: Interest) -> None:
        self._door = door
        self._application = application
        self._interest = interest
        self._links: dict[tuple[str, str], OutboundLink] = {}
        """By Asterisk's id and application."""
        self._probes: dict[str, Probe] = {}
        """By Asterisk's id."""
        self._sessions: Sessions | None = None
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._open.enter_async_context(accept_event_sockets(self._door, self._receive))
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    def begin(self, sessions: Sessions) -> None:
        """Have a session for each link to come."""
        self._sessions = sessions

    async def run(self) -> None:
        """Do nothing: Asterisk does."""
        try:
            await asyncio.Event().wait()
        finally:
            self._sessions = None  # sockets that end from now on leave nothing to wait for

    async def _receive(self, socket: EventSocket) -> None:
        """Work with one socket until it ends."""
        greeting = _read_greeting(await socket.peek(GREETING_LIMIT))
        if greeting is None or self._sessions is None:
            return
        peer, application = greeting.asterisk_id or "", greeting.application
        if not f"{application}:".startswith(f"{self._application}:"):
            extra = {"server": peer, "application": application}
            logger.error("ari_socket_foreign", extra=extra)
            await asyncio.sleep(FOREIGN_PAUSE)
            return
        link = self._find(peer, application)
        receiver = self._sessions.admit(link).calls
        link.sockets += 1
        try:
            await link.carry(socket, receiver, Echo(application, socket))
        except Unreachable:
            pass
        finally:
            link.sockets -= 1
            if not link.sockets:
                self._let_go(link, closed=socket.close_code == WSCloseCode.OK)

    def _find(self, peer: str, application: str) -> OutboundLink:
        link = self._links.get((peer, application))
        if link is None:
            probe = self._probes.setdefault(peer, Probe())
            link = OutboundLink(peer, application, self._application, probe, self._interest)
            self._links[peer, application] = link
        return link

    def _let_go(self, link: OutboundLink, *, closed: bool) -> None:
        if link.per_call and self._sessions is not None:
            limit = CLOSED_LIMIT if closed else RETURN_LIMIT
            self._sessions.spawn(self._await_return(link, self._sessions, limit))

    async def _await_return(self, link: OutboundLink, sessions: Sessions, seconds: float) -> None:
        """Give a call's socket time to come again, then end the call."""
        if len(sessions.admit(link).calls):
            await asyncio.sleep(seconds)
        if not link.sockets and self._links.get((link.peer, link.application)) is link:
            del self._links[link.peer, link.application]
            sessions.dismiss(link)


def _read_greeting(frame: bytes | None) -> Event | None:
    """Return the first event, which names the application; None: it is none we know."""
    try:
        event = decode_event(frame or b"")
    except FrameError:
        return None
    return event if isinstance(event, Event) else None
