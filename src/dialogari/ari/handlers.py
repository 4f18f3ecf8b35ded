"""A task for each call: its handler, its end, its faults.

A call whose handler ended without sending it back is sent back here: nobody is left in silence.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from dialogari.ari.errors import AriError, ChannelGone, leaves

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dialogari.ari.handles.call import Call

logger = logging.getLogger(__name__)

STOP_LIMIT = 5.0
"""Seconds in which a stopping program sends its calls back; what is left the next one finds."""

Handler: TypeAlias = "Callable[[Call], Awaitable[None]]"
"""What a program does with a call."""


async def send_back(call: Call) -> None:
    """Handle a call by sending it back to the dialplan."""
    await call.continue_in_dialplan()


class Handlers:
    """The running handlers of one client. Calls that come while none may run are kept for later."""

    def __init__(self) -> None:
        self._handler: Handler | None = None
        self._resumed: Handler = send_back
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[Call, asyncio.Task[None]] = {}
        """Of each call that has not ended."""
        self._running: set[asyncio.Task[None]] = set()
        """Also those whose call has ended."""
        self._kept: dict[Call, bool] = {}
        """Calls that wait for `serve`; the value tells whether they are resumed ones."""

    def __len__(self) -> int:
        """How many are running now."""
        return len(self._running)

    async def wait_until_idle(self) -> None:
        """Wait, without a limit of its own, until none is running."""
        while self._running:
            await asyncio.wait(self._running)

    async def serve(
        self, handler: Handler, resumed: Handler, until: Callable[[], Awaitable[object]]
    ) -> None:
        """Run handlers while `until()` does, and then until the running ones have ended.

        Raises:
            RuntimeError: another `serve` is at it.
        """
        if self._group is not None:
            raise RuntimeError("this client is serving already")
        try:
            async with asyncio.TaskGroup() as self._group:
                self._handler, self._resumed = handler, resumed
                kept, self._kept = self._kept, {}
                for call, found in kept.items():
                    self.start(call, resumed=found)
                try:
                    await until()
                finally:
                    self._handler = None  # a group that is being cancelled takes no more tasks
        finally:
            self._group = None

    async def release(self) -> None:
        """Send back the calls that wait for a `serve` which will not come."""
        kept, self._kept = self._kept, {}
        await asyncio.gather(*(_release(call, STOP_LIMIT) for call in kept))

    def start(self, call: Call, *, resumed: bool = False) -> None:
        """Run the handler for a call."""
        if self._group is None or self._handler is None:
            self._kept[call] = resumed
            return
        handler = self._resumed if resumed else self._handler
        task = self._group.create_task(self._run(call, handler), name=f"call {call.id}")
        self._tasks[call] = task
        self._running.add(task)
        # A callback and not the task's own end: cancelled before its first step it runs no line.
        task.add_done_callback(partial(self._forget, call))

    def has(self, call: Call) -> bool:
        """Whether the call's handler is running, or waits to be run."""
        return call in self._tasks or call in self._kept

    def end(self, call: Call) -> None:
        """Cancel the handler of a call that has left, unless it was sent back.

        If it waits for events it gets those that came before the end first.
        """
        self._kept.pop(call, None)
        task = self._tasks.pop(call, None)
        if task is not None and not call.released:
            asyncio.get_running_loop().call_soon(task.cancel)

    def _forget(self, call: Call, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._tasks.pop(call, None)
        call.settle()

    async def _run(self, call: Call, handler: Handler) -> None:
        """Run one call's handler: the boundary at which its faults end."""
        try:
            async with asyncio.TaskGroup() as tasks:
                call.begin(tasks)
                try:
                    await handler(call)
                finally:
                    call.finish()
        except ChannelGone:
            pass
        except asyncio.CancelledError:
            task = asyncio.current_task()
            # Only a hang-up ends here. When the program itself is stopping it has cancelled too,
            # and that must go on.
            if call.gone is None or task is None or task.uncancel() > 0:
                raise
        except Exception as error:  # one call's fault must not end the others
            if not all(isinstance(leaf, ChannelGone) for leaf in leaves(error)):
                logger.exception("call_handler_failed", extra={"call": call.id})
        finally:
            await self._finish(call)

    async def _finish(self, call: Call) -> None:
        if call.gone is not None or call.released:
            return
        task = asyncio.current_task()
        stopping = task is not None and task.cancelling() > 0
        if not await _release(call, STOP_LIMIT if stopping else None) and not stopping:
            call.session.calls.adopt(call.id)


async def _release(call: Call, seconds: float | None) -> bool:
    """Send a call back in so many seconds; False: it could not be."""
    try:
        async with asyncio.timeout(seconds):
            await call.continue_in_dialplan()
    except (AriError, TimeoutError) as error:
        extra = {"call": call.id, "cause": str(error) or "stopping"}
        logger.error("ari_release_failed", extra=extra)  # noqa: TRY400 - the cause says all
        return False
    return True
