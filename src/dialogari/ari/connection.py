"""The link of one application to one Asterisk: connect, prove, reconnect, tell what was missed.

Theory of operation. A connected socket proves nothing: Asterisk accepts a second client of the
same application, answers pings on sockets whose application is gone, and says 204 to events that
go nowhere. Only an event of our own that comes back proves the link, so one is sent after each
connect and every `ECHO_INTERVAL` from then on. Nothing is replayed after a gap, so each connect
takes a snapshot of all channels and gives it to the receiver, who knows which calls are its own.
Any end of the socket means the same, close code 1000 included: a stopping Asterisk sends that one.

The one exception: ApplicationReplaced. Another client has the application; fighting for it would
throw both out in turns, so the link ends with an error and stays ended.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn, Protocol, Self

from dialogari.ari import operations
from dialogari.ari.backoff import backoff
from dialogari.ari.echo import Echo
from dialogari.ari.errors import (
    ApplicationReplaced,
    AriError,
    RequestFailed,
    Unauthorized,
    UnexpectedAnswer,
    UnknownOutcome,
    Unreachable,
    leaves,
)
from dialogari.ari.features import Features, declaration, read_features
from dialogari.ari.models import (
    ApplicationReplaced as ApplicationReplacedEvent,
)
from dialogari.ari.models import (
    FrameError,
    RESTResponse,
    decode_event,
)
from dialogari.ari.request import successful
from dialogari.ari.snapshot import take_snapshot
from dialogari.ari.transport.http import HttpTransport
from dialogari.ari.transport.websocket import EventSocket, open_event_socket

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from dialogari.ari.models import Channel, Event, UnknownEvent
    from dialogari.ari.request import Request, Response
    from dialogari.ari.transport import Server

logger = logging.getLogger(__name__)

REQUEST_TIMEOUT = 3.0
SNAPSHOT_TIMEOUT = 10.0
ECHO_INTERVAL = 5.0
"""With ECHO_TIMEOUT it notices a dead application within 10 s."""


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

    def recover(self, channels: Sequence[Channel], since: float) -> None:
        """Take a snapshot of every channel, requested at `since` on the loop's clock."""
        ...


class Connection:
    """Carries commands and events; `async with` opens its HTTP side, `run` the events side."""

    def __init__(
        self, server: Server, application: str, *, disallowed_events: tuple[str, ...] = ()
    ) -> None:
        self.server = server
        self.application = application
        self.state = LinkState.CONNECTING
        self.generation = 0
        """Counts connects; whatever was learned under an older number may be out of date."""
        self.features = Features()
        self.version = ""
        self._http = HttpTransport(server)
        self._echo = Echo(server, application)
        self._disallowed_events = disallowed_events
        self.ready = asyncio.Event()
        """Set while `state` is READY."""
        self._socket: EventSocket | None = None

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        await self._echo.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.__aexit__(exc_type, exc, traceback)
        await self._echo.__aexit__(exc_type, exc, traceback)

    async def run(self, receiver: Receiver) -> NoReturn:
        """Keep the link up until cancelled.

        Raises:
            Unauthorized: the very first connect was refused; later refusals are retried.
            ApplicationReplaced: another client has the application.
        """
        delays = backoff()
        told = ""
        while True:
            generation = self.generation
            try:
                await self._connect_once(receiver)
            except ApplicationReplaced:
                self.state = LinkState.REPLACED
                extra = {"server": self.server.url, "application": self.application}
                logger.critical("application_taken_over", extra=extra)
                raise
            except AriError as error:
                if isinstance(error, Unauthorized) and self.generation == 0:
                    raise
                if self.generation != generation:
                    delays, told = backoff(), ""
                if str(error) != told:
                    told = str(error)
                    extra = {"server": self.server.url, "cause": told}
                    logger.warning("ari_link_down", extra=extra)
            await asyncio.sleep(next(delays))

    async def send(self, request: Request) -> Response:
        """Send a command the best way there is and return a successful answer.

        Raises:
            AriError: what Asterisk answered, or `Unreachable` or `UnknownOutcome`.
        """
        return successful(request, await self._send(request))

    async def _send(self, request: Request) -> Response:
        socket = self._socket if self.features.rest_over_websocket else None
        if socket is not None and not socket.overdue and not request.over_http:
            try:
                return await socket.send(request, REQUEST_TIMEOUT)
            except Unreachable:
                pass
            except UnknownOutcome:
                if not request.repeatable:
                    raise
        seconds = SNAPSHOT_TIMEOUT if request.over_http else REQUEST_TIMEOUT
        return await self._http.send(request, seconds)

    async def _connect_once(self, receiver: Receiver) -> None:
        """Connect and stay connected; always ends by raising."""
        await self._learn_features()
        async with open_event_socket(self.server, self.application) as socket:
            try:
                await self._carry(socket, receiver)
            finally:
                self._socket = None
                self.ready.clear()
                if self.state is LinkState.READY:
                    self.state = LinkState.CONNECTING

    async def _carry(self, socket: EventSocket, receiver: Receiver) -> None:
        task = asyncio.current_task()
        cancelled = task.cancelling() if task is not None else 0
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(socket, receiver))
                self._socket = socket
                await self._prove(receiver)
                await self._keep_proving()
        except BaseExceptionGroup as group:
            # Before Python 3.13 a group that fails while it is being cancelled forgets the latter.
            if task is not None and task.cancelling() > cancelled:
                raise asyncio.CancelledError from None
            raise _most_telling(group) from None

    async def _learn_features(self) -> None:
        info = await operations.Asterisk(self.send).get_info(only=["system", "config"])
        version = info.system.version if info.system else ""
        if version != self.version:
            self.features = await self._ask_features()
            self.version = version

    async def _ask_features(self) -> Features:
        try:
            events = await self.send(declaration("events"))
            channels = await self.send(declaration("channels"))
            array_function = await self._has_array_function()
        except RequestFailed as error:
            # Its folder `rest-api` is not where `astdatadir` points (500, measured on 22.10): the
            # ways that every Asterisk knows will do.
            logger.warning("ari_descriptions_missing", extra={"cause": str(error)})
            return Features()
        return read_features(events.body, channels.body, array_function=array_function)

    async def _has_array_function(self) -> bool:
        try:
            module = await operations.Asterisk(self.send).get_module("func_strings.so")
        except (RequestFailed, UnexpectedAnswer):
            return False
        return module.status == "Running"

    async def _read(self, socket: EventSocket, receiver: Receiver) -> None:
        """Decode and hand on; nothing here ever waits for a user of this library."""
        async with aclosing(socket.frames()) as frames:
            async for frame in frames:
                self._take(frame, socket, receiver)
        raise Unreachable(f"the events socket closed with code {socket.close_code}")

    def _take(self, frame: bytes, socket: EventSocket, receiver: Receiver) -> None:
        try:
            event = decode_event(frame)
        except FrameError:
            logger.error("ari_frame_unreadable", extra={"bytes": len(frame)})  # noqa: TRY400 - the frame is the finding, not the place
            return
        match event:
            case RESTResponse():
                socket.resolve(event)
            case ApplicationReplacedEvent():
                raise ApplicationReplaced(self.application)
            case _:
                if not self._echo.hear(event):
                    receiver.receive(event)

    async def _prove(self, receiver: Receiver) -> None:
        if self._disallowed_events:
            # Never `allowed`: that also swallows the answers to commands sent over the events
            # socket (measured on 22.10).
            disallowed = [{"type": name} for name in self._disallowed_events]
            applications = operations.Applications(self.send)
            await applications.filter(self.application, filter={"disallowed": disallowed})
        await self._echo.prove()
        since = asyncio.get_running_loop().time()
        receiver.recover(await take_snapshot(self.send, self.application), since)
        self.generation += 1
        self.state = LinkState.READY
        self.ready.set()
        logger.info(
            "ari_link_ready",
            extra={
                "server": self.server.url,
                "application": self.application,
                "asterisk": self.version,
            },
        )

    async def _keep_proving(self) -> None:
        while True:
            await asyncio.sleep(ECHO_INTERVAL)
            await self._echo.prove()


def _most_telling(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the one error that says why the connection ended; a fault of ours stays a group."""
    if group.split(AriError)[1] is not None:
        return group
    errors = list(leaves(group))
    return next((e for e in errors if isinstance(e, ApplicationReplaced)), errors[0])
