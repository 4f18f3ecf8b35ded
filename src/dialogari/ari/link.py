"""The link of one application to one Asterisk: commands one way, events the other, and the proof.

Theory of operation. A connected socket proves nothing: Asterisk accepts a second client of the
same application, answers pings on sockets whose application is gone, and says 204 to events that
go nowhere. Only an event of our own that comes back proves the link, so one is sent after each
connect and every `ECHO_INTERVAL` from then on. Events are lost in a gap, so each connect takes a
snapshot of all channels and gives it to the receiver, who knows which calls are its own.

A link outlives its sockets. Who opens them, we (`connection`) or Asterisk (`outbound`), is not
its business: `carry` works with whichever it is given.
"""

from __future__ import annotations

import asyncio
import logging
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, NoReturn, Protocol, TypeGuard

from dialogari.ari.errors import (
    ApplicationReplaced,
    AriError,
    UnknownOutcome,
    Unreachable,
    leaves,
)
from dialogari.ari.models import (
    ApplicationReplaced as ApplicationReplacedEvent,
)
from dialogari.ari.models import ChannelUserevent, FrameError, RESTResponse, decode_event
from dialogari.ari.request import successful
from dialogari.ari.snapshot import take_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dialogari.ari.echo import Echo
    from dialogari.ari.features import Probe
    from dialogari.ari.interest import Interest
    from dialogari.ari.models import Channel, Event, UnknownEvent
    from dialogari.ari.request import Request, Response
    from dialogari.ari.transport import Transport
    from dialogari.ari.transport.websocket import EventSocket

logger = logging.getLogger(__name__)

REQUEST_TIMEOUT = 3.0
SNAPSHOT_TIMEOUT = 10.0
ECHO_INTERVAL = 5.0
"""With `echo.ECHO_TIMEOUT` it notices a dead application within 10 s."""


_OURS = frozenset({RESTResponse, ApplicationReplacedEvent, ChannelUserevent})
"""Events that may concern the link itself."""


class LinkState(StrEnum):
    """Where the link stands."""

    CONNECTING = "connecting"
    READY = "ready"
    """Proven by an echo, and the snapshot is worked in."""
    REPLACED = "replaced"


class Receiver(Protocol):
    """Who gets what arrives. Neither method may block."""

    def receive(self, event: Event | UnknownEvent) -> None:
        """Take one event, in the order they came."""
        ...

    def channel_ids(self) -> Sequence[str]:
        """Return the channels it knows."""
        ...

    def recover(self, channels: Sequence[Channel], since: float) -> None:
        """Take a snapshot of every channel, requested at `since` on the loop's clock."""
        ...


class Link:
    """One application on one Asterisk, across all its sockets.

    Args:
        peer: What the Asterisk is called in logs: its address, or its id.
        probe: What we know of this Asterisk.
        http: For commands the socket should not or can't carry; None: all go over the socket.
    """

    def __init__(
        self, peer: str, application: str, probe: Probe, interest: Interest, http: Transport | None
    ) -> None:
        self.peer = peer
        self.application = application
        self.dialplan_name = application
        """What stands in Stasis(): another name only where each call has its own socket."""
        self.probe = probe
        self.interest = interest
        self.state = LinkState.CONNECTING
        self.generation = 0
        """Counts connects; whatever was learned under an older number may be out of date."""
        self.ready = asyncio.Event()
        """Set while `state` is READY."""
        self._http = http
        self._socket: EventSocket | None = None

    async def send(self, request: Request) -> Response:
        """Send a command the best way there is and return a successful answer.

        Raises:
            AriError: what Asterisk answered, or `Unreachable` or `UnknownOutcome`.
        """
        return successful(request, await self._send(request))

    async def _send(self, request: Request) -> Response:
        socket, http = self._socket, self._http
        seconds = SNAPSHOT_TIMEOUT if request.over_http else REQUEST_TIMEOUT
        if http is None:
            if socket is None:
                raise Unreachable("it is not connected")
            answer = await socket.send(request, seconds)
            if answer.status == 406:  # noqa: PLR2004 - HTTP's "not acceptable"
                raise Unreachable("only HTTP carries this answer, and there is none here")
            return answer
        if self._prefers(socket, request):
            try:
                return await socket.send(request, seconds)
            except Unreachable:
                pass
            except UnknownOutcome:
                if not request.repeatable:
                    raise
        return await http.send(request, seconds)

    def _prefers(self, socket: EventSocket | None, request: Request) -> TypeGuard[EventSocket]:
        return (
            socket is not None
            and self.probe.features.rest_over_websocket
            and not socket.overdue
            and not request.over_http
        )

    async def carry(self, socket: EventSocket, receiver: Receiver, echo: Echo) -> NoReturn:
        """Work with a connected socket until it ends, which raises.

        Raises:
            AriError: why it ended.
        """
        self._lose_socket()
        try:
            await self._carry(socket, receiver, echo)
        except ApplicationReplaced:
            self.state = LinkState.REPLACED
            extra = {"server": self.peer, "application": self.application}
            logger.critical("application_taken_over", extra=extra)
            raise
        finally:
            if self._socket is socket:  # and no newer one has taken its place already
                self._lose_socket()

    def _lose_socket(self) -> None:
        self._socket = None
        self.ready.clear()
        if self.state is LinkState.READY:
            self.state = LinkState.CONNECTING

    async def _carry(self, socket: EventSocket, receiver: Receiver, echo: Echo) -> NoReturn:
        task = asyncio.current_task()
        cancelled = task.cancelling() if task is not None else 0
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(socket, receiver, echo))
                self._socket = socket
                await self._stay(socket, receiver, echo)
        except BaseExceptionGroup as group:
            # Before Python 3.13 a group that fails while it is being cancelled forgets the latter.
            if task is not None and task.cancelling() > cancelled:
                raise asyncio.CancelledError from None
            raise _most_telling(group) from None

    async def _stay(self, socket: EventSocket, receiver: Receiver, echo: Echo) -> NoReturn:
        """Prove the link, now and from time to time; whatever goes wrong ends it."""
        del socket
        await self._prove(receiver, echo)
        while True:
            await asyncio.sleep(ECHO_INTERVAL)
            await echo.prove()

    async def _read(self, socket: EventSocket, receiver: Receiver, echo: Echo) -> None:
        """Decode and hand on; nothing here ever waits for a user of this library."""
        await socket.read(partial(self._take, socket, receiver, echo))
        raise Unreachable(f"the events socket closed with code {socket.close_code}")

    def _take(self, socket: EventSocket, receiver: Receiver, echo: Echo, frame: bytes) -> None:
        try:
            event = decode_event(frame)
        except FrameError:
            logger.error("ari_frame_unreadable", extra={"bytes": len(frame)})  # noqa: TRY400 - the frame is the finding, not the place
            return
        if type(event) not in _OURS:  # nearly all, and one look-up is all this costs them
            receiver.receive(event)
        elif isinstance(event, RESTResponse):
            socket.resolve(event)
        elif isinstance(event, ApplicationReplacedEvent) and event.application == self.application:
            self._replaced()
        elif not echo.hear(event):
            receiver.receive(event)

    def _replaced(self) -> None:
        """Hear that the application went to another client."""
        raise ApplicationReplaced(self.application)

    async def _prove(self, receiver: Receiver, echo: Echo) -> None:
        await self.interest.tell(self.send, self.application)
        await echo.prove()
        since = asyncio.get_running_loop().time()
        channels = await self._take_snapshot(receiver.channel_ids())
        self.generation += 1
        receiver.recover(channels, since)
        self.state = LinkState.READY
        self.ready.set()
        logger.info(
            "ari_link_ready",
            extra={
                "server": self.peer,
                "application": self.application,
                "asterisk": self.probe.version,
            },
        )

    async def _take_snapshot(self, known: Sequence[str]) -> Sequence[Channel]:
        return await take_snapshot(self.send, self.application, known)


def _most_telling(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the one error that says why the connection ended; a fault of ours stays a group."""
    if group.split(AriError)[1] is not None:
        return group
    errors = list(leaves(group))
    return next((e for e in errors if isinstance(e, ApplicationReplaced)), errors[0])
