"""Serve the calls of one application: one coroutine per call, cancelled when the caller hangs up.

    async with Client(server, "my-app") as client:
        await client.serve(answer, resumed=release)

Guarantees:
- The reader of the events never waits for a handler, and a fault in one handler never touches
  another call.
- A call that leaves before its handler sent it back (StasisEnd, ChannelDestroyed, or absent from
  the snapshot after a gap) has its handler cancelled.
- A call whose handler ended without sending it back is sent back: nobody is left in silence.
- Calls of this application that a snapshot shows and no handler owns, left over by a bridge that
  died or by a gap, go to `resumed`, once; so does a call that could not be sent back.
- When another client takes the application over, running handlers finish over HTTP and `serve`
  raises ApplicationReplaced.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Self

from dialogari.ari.arguments import is_in_application, split_arguments
from dialogari.ari.backoff import backoff
from dialogari.ari.call import Call
from dialogari.ari.connection import Connection, LinkState
from dialogari.ari.errors import (
    AriError,
    ChannelGone,
    GoneReason,
    NotFound,
)
from dialogari.ari.models import ChannelDestroyed, StasisEnd, StasisStart, UnknownEvent
from dialogari.ari.operations import Channels

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from types import TracebackType

    from dialogari.ari.models import Channel, Event
    from dialogari.ari.request import Request, Response
    from dialogari.ari.transport import Server

    Handler = Callable[[Call], Awaitable[None]]

logger = logging.getLogger(__name__)

GRACE = 1.0
"""Seconds a call that only the snapshot knows is given for its StasisStart to arrive: Asterisk
shows a channel in Stasis a moment before it sends that event."""
STOP_LIMIT = 5.0
"""Seconds in which a stopping program sends its calls back; what is left the next one finds."""
DISALLOWED_EVENTS = ("ChannelVarset", "ChannelDialplan")
"""Each variable we set would come back as an event with its whole value."""


class Client:
    """One application on one Asterisk."""

    def __init__(self, server: Server, application: str) -> None:
        self._connection = Connection(server, application, disallowed_events=DISALLOWED_EVENTS)
        self._application = application
        self._calls: dict[str, tuple[Call, asyncio.Task[None]]] = {}
        self._orphans: set[str] = set()
        """Calls without a handler, as the latest snapshot has it; a StasisStart takes one out."""
        self._running: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._handler: Handler | None = None
        self._resumed: Handler | None = None

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._connection.__aexit__(exc_type, exc, traceback)

    @property
    def state(self) -> LinkState:
        """Where the link stands; calls are served reliably only when it is READY."""
        return self._connection.state

    @property
    def server(self) -> str:
        """Address of the Asterisk."""
        return self._connection.server.url

    @property
    def generation(self) -> int:
        """How often the link was connected and proven."""
        return self._connection.generation

    @property
    def version(self) -> str:
        """The Asterisk's version as it names it; empty before the first connect."""
        return self._connection.version

    @property
    def calls(self) -> int:
        """How many handlers are running now."""
        return len(self._running)

    async def wait_until_ready(self) -> None:
        """Wait, without a limit of its own, until the link is READY."""
        await self._connection.ready.wait()

    async def wait_until_idle(self) -> None:
        """Wait, without a limit of its own, until no handler is running."""
        while self._running:
            await asyncio.wait(self._running)

    async def send(self, request: Request) -> Response:
        """Send any command. Raises AriError."""
        return await self._connection.send(request)

    async def serve(self, handler: Handler, *, resumed: Handler) -> None:
        """Serve until cancelled.

        Raises:
            Unauthorized: the first connect was refused.
            ApplicationReplaced: after the running handlers have ended.
        """
        async with asyncio.TaskGroup() as self._tasks:
            self._handler, self._resumed = handler, resumed
            try:
                await self._connection.run(self)
            except AriError as error:  # not before the handlers, which the group waits for
                ended = error
        raise ended

    def receive(self, event: Event | UnknownEvent) -> None:
        """Take one event from the connection."""
        match event:
            case StasisStart() if event.application == self._application:
                self._orphans.discard(event.channel.id)
                self._start(Call(self._connection, event.channel, event.args), self._handler)
            case StasisEnd() if event.application == self._application:
                self._end(event.channel.id, GoneReason.STASIS_END)
            case ChannelDestroyed():
                self._end(event.channel.id, GoneReason.DESTROYED)
            case UnknownEvent(type="StasisStart") if event.application == self._application:
                self._give_back_unread(event)
            case _:
                pass

    def recover(self, channels: Sequence[Channel], since: float) -> None:
        """Compare a snapshot with the calls that handlers own."""
        ours = {
            channel.id: channel
            for channel in channels
            if is_in_application(channel, self._application)
        }
        for channel_id, (call, _) in list(self._calls.items()):
            if channel_id not in ours and call.started < since:
                self._end(channel_id, GoneReason.ABSENT)
        self._orphans = set()
        for channel_id in ours.keys() - self._calls.keys():
            self._adopt(channel_id)

    def _adopt(self, channel_id: str) -> None:
        self._orphans.add(channel_id)
        if self._tasks is not None:
            self._tasks.create_task(self._resume(channel_id, self._orphans))

    async def _resume(self, channel_id: str, orphans: set[str]) -> None:
        """Give a call to `resumed`, unless its StasisStart or a newer snapshot comes first."""
        for delay in chain((GRACE,), backoff()):
            await asyncio.sleep(delay)
            if not self._is_orphan(channel_id, orphans):
                return
            try:
                channel = await Channels(self._connection.send).get(channel_id)
            except NotFound:
                return
            except AriError as error:
                extra = {"call": channel_id, "cause": str(error)}
                logger.warning("ari_resume_failed", extra=extra)
                continue
            if self._is_orphan(channel_id, orphans):
                orphans.discard(channel_id)
                self._start_resumed(channel)

    def _give_back_unread(self, event: UnknownEvent) -> None:
        """Send back a call whose event has not the shape we know; a snapshot could not either."""
        channels = (key.partition(":") for key in event.keys())  # noqa: SIM118 - it is no dict
        ids = [name for kind, _, name in channels if kind == "channel"]
        logger.error("ari_call_unreadable", extra={"calls": ids})
        if self._tasks is not None and ids:
            self._tasks.create_task(self._continue_unread(ids[0]))

    async def _continue_unread(self, channel_id: str) -> None:
        try:
            await Channels(self._connection.send).continue_in_dialplan(channel_id)
        except AriError as error:
            extra = {"call": channel_id, "cause": str(error)}
            logger.error("ari_release_failed", extra=extra)  # noqa: TRY400 - the cause says all

    def _start_resumed(self, channel: Channel) -> None:
        if is_in_application(channel, self._application):
            arguments = split_arguments(channel.dialplan.app_data)[1:]
            self._start(Call(self._connection, channel, arguments), self._resumed)

    def _is_orphan(self, channel_id: str, orphans: set[str]) -> bool:
        return self.state is LinkState.READY and orphans is self._orphans and channel_id in orphans

    def _start(self, call: Call, handler: Handler | None) -> None:
        if self._tasks is None or handler is None:
            return
        if call.id in self._calls:  # its end was lost in a gap
            self._end(call.id, GoneReason.STASIS_END)
        task = self._tasks.create_task(self._run(call, handler), name=f"call {call.id}")
        self._calls[call.id] = (call, task)
        self._running.add(task)
        # A callback and not the task's own end: cancelled before its first step it runs no line.
        task.add_done_callback(partial(self._forget, call))

    def _forget(self, call: Call, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._calls.get(call.id) == (call, task):
            del self._calls[call.id]

    def _end(self, channel_id: str, reason: GoneReason) -> None:
        call, task = self._calls.pop(channel_id, (None, None))
        if call is None or task is None:
            return
        call.gone = call.gone or reason
        if not call.released:
            task.cancel()

    async def _run(self, call: Call, handler: Handler) -> None:
        """Run one call's handler: the boundary at which its faults end."""
        try:
            await handler(call)
        except ChannelGone:
            pass
        except asyncio.CancelledError:
            task = asyncio.current_task()
            # Only a hang-up ends here. When the program itself is stopping it has cancelled too,
            # and that must go on.
            if call.gone is None or task is None or task.uncancel() > 0:
                raise
        except Exception:  # one call's fault must not end the others
            logger.exception("call_handler_failed", extra={"call": call.id})
        finally:
            await self._finish(call)

    async def _finish(self, call: Call) -> None:
        if call.gone is not None or call.released:
            return
        task = asyncio.current_task()
        stopping = task is not None and task.cancelling() > 0
        try:
            async with asyncio.timeout(STOP_LIMIT if stopping else None):
                await call.continue_in_dialplan()
        except (AriError, TimeoutError) as error:
            extra = {"call": call.id, "cause": str(error) or "stopping"}
            logger.error("ari_release_failed", extra=extra)  # noqa: TRY400 - the cause says all
            if not stopping:
                self._adopt(call.id)
