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
  died or by a gap, go to `resumed`, once.
- When another client takes the application over, running handlers finish over HTTP and `serve`
  raises ApplicationReplaced.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Self

from dialogari.ari import operations
from dialogari.ari.call import Call
from dialogari.ari.connection import Connection, LinkState
from dialogari.ari.errors import (
    AriError,
    ChannelGone,
    GoneReason,
    NotFound,
)
from dialogari.ari.models import Channel, ChannelDestroyed, StasisEnd, StasisStart
from dialogari.ari.operations import is_in_application

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from types import TracebackType

    from dialogari.ari.models import Event, UnknownEvent
    from dialogari.ari.operations import Request, Response
    from dialogari.ari.transport import Server

    Handler = Callable[[Call], Awaitable[None]]

logger = logging.getLogger(__name__)

GRACE = 1.0
"""Seconds a call that only the snapshot knows is given for its StasisStart to arrive: Asterisk
shows a channel in Stasis a moment before it sends that event."""
DISALLOWED_EVENTS = ("ChannelVarset", "ChannelDialplan")
"""Each variable we set would come back as an event with its whole value."""


class Client:
    """One application on one Asterisk."""

    def __init__(self, server: Server, application: str) -> None:
        self._connection = Connection(server, application, disallowed_events=DISALLOWED_EVENTS)
        self._application = application
        self._calls: dict[str, tuple[Call, asyncio.Task[None]]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._handler: Handler | None = None
        self._resumed: Handler | None = None

    async def __aenter__(self) -> Self:
        await self._connection.http.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._connection.http.__aexit__(exc_type, exc, traceback)

    @property
    def state(self) -> LinkState:
        """Where the link stands; calls are served reliably only when it is READY."""
        return self._connection.state

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
                self._start(Call(self._connection, event.channel, event.args), self._handler)
            case StasisEnd() if event.application == self._application:
                self._end(event.channel.id, GoneReason.STASIS_END)
            case ChannelDestroyed():
                self._end(event.channel.id, GoneReason.DESTROYED)
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
            if channel_id not in ours and call.started < since and not call.released:
                self._end(channel_id, GoneReason.ABSENT)
        for channel in ours.values():
            if channel.id not in self._calls and self._tasks is not None:
                self._tasks.create_task(self._resume(channel.id))

    async def _resume(self, channel_id: str) -> None:
        await asyncio.sleep(GRACE)
        if channel_id in self._calls or self.state is not LinkState.READY:
            return
        try:
            answer = await self._connection.send(operations.get_channel(channel_id))
            channel = answer.read(Channel)
        except NotFound:
            return
        except AriError as error:
            # The next snapshot, after the reconnect that follows, shows the call again.
            logger.warning("ari_resume_failed", extra={"call": channel_id, "cause": str(error)})
            return
        if channel_id not in self._calls and is_in_application(channel, self._application):
            arguments = channel.dialplan.app_data.split(",")[1:]
            self._start(Call(self._connection, channel, arguments), self._resumed)

    def _start(self, call: Call, handler: Handler | None) -> None:
        if self._tasks is None or handler is None:
            return
        if call.id in self._calls:  # its end was lost in a gap
            self._end(call.id, GoneReason.STASIS_END)
        task = self._tasks.create_task(self._run(call, handler), name=f"call {call.id}")
        self._calls[call.id] = (call, task)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _end(self, channel_id: str, reason: GoneReason) -> None:
        # Removed here and not by the task: one cancelled before its first step runs no line.
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
        try:
            if call.gone is None and not call.released:
                await call.continue_in_dialplan()
        except AriError as error:
            # A snapshot will show it without a handler and bring it to `resumed`.
            logger.warning("ari_release_failed", extra={"call": call.id, "cause": str(error)})
        finally:
            owned, _ = self._calls.get(call.id, (None, None))
            if owned is call:
                del self._calls[call.id]
