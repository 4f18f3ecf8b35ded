"""One visit of a call to the application, from StasisStart until it leaves.

The same channel that comes back to Stasis() later is a new `Call`. One whose channel is replaced
by another, as in an attended transfer, stays the same `Call`, and its `id` changes.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialogari.ari.arguments import is_in_application
from dialogari.ari.backoff import backoff
from dialogari.ari.errors import AriError, ChannelGone, Unreachable
from dialogari.ari.handles.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator, Sequence

    from dialogari.ari import models
    from dialogari.ari.session import Session

RELEASE_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class _Target:
    """Where in the dialplan a call goes on; None: after Stasis()."""

    context: str | None
    extension: str | None
    priority: int | None
    label: str | None


class Call(Channel):
    """Handle of one call; `Client.serve` makes them and gives each to a handler."""

    def __init__(self, session: Session, channel: models.Channel, arguments: Sequence[str]) -> None:
        super().__init__(session, channel)
        self.arguments = tuple(arguments)
        """What stood in Stasis() after the application, as Asterisk split it."""
        self.released = False
        """We have sent it away ourselves; that it leaves now is no hang-up by the caller."""
        self._in_doubt = False
        """A `continue` was sent, and for all we know it may have been executed."""
        self._tasks: asyncio.TaskGroup | None = None
        self._started: list[asyncio.Task[None]] = []

    @property
    def server(self) -> str:
        """The Asterisk it is on: its address, or its id where it connected to us."""
        return self.session.peer

    def start(self, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run something beside the handler; it is cancelled when the call or the handler ends.

        A fault in it ends the handler too.

        Raises:
            RuntimeError: outside the handler's time.
        """
        if self._tasks is None:
            coroutine.close()
            raise RuntimeError(f"call {self.id} has no handler that is running")
        task = self._tasks.create_task(coroutine, name=f"beside call {self.id}")
        self._started.append(task)
        return task

    def begin(self, tasks: asyncio.TaskGroup) -> None:
        """Take the group of what is started beside the handler."""
        self._tasks = tasks

    def finish(self) -> None:
        """Cancel what was started: the handler is over."""
        self._tasks = None
        for task in self._started:
            task.cancel()

    async def hang_up(self, cause: int | None = None) -> None:
        """Hang up, as `Channel.hang_up`; the handler goes on, for what is left to do."""
        with self._releasing():
            await super().hang_up(cause)

    async def move(self, application: str, *arguments: str, seconds: float = 5.0) -> None:
        """Hand the call over, as `Channel.move`; the handler goes on, for what is left to do."""
        with self._releasing():
            await super().move(application, *arguments, seconds=seconds)

    @contextmanager
    def _releasing(self) -> Generator[None]:
        """Let the call leave without its handler being cancelled for it.

        From before the command on: the event may arrive before the answer.
        """
        self.released = True
        try:
            yield
        except BaseException:
            self.released = False
            raise

    async def continue_in_dialplan(
        self,
        *,
        context: str | None = None,
        extension: str | None = None,
        priority: int | None = None,
        label: str | None = None,
    ) -> None:
        """Send the call back to the dialplan; it has left, or is leaving, when this returns.

        It goes to the priority after Stasis(), or where it is told. Keeps trying while Asterisk
        refuses or can't be reached, because a call that is not sent back waits in silence; after
        each answer that was lost, and after a try that was cancelled, it looks first whether the
        call has left already. A second time it does nothing. That the caller hung up meanwhile is
        not an error here.

        Raises:
            AriError: what every try for RELEASE_TIMEOUT seconds came to.
        """
        if self.released:
            return
        with self._releasing():
            await self._leave(_Target(context, extension, priority, label))

    async def _leave(self, target: _Target) -> None:
        failure: AriError = Unreachable("the call could not be sent back")
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT):
                for delay in backoff():
                    try:
                        return await self._try_to_leave(target)
                    except AriError as error:
                        failure = error
                    await asyncio.sleep(delay)
        except TimeoutError:
            raise failure from None

    async def _try_to_leave(self, target: _Target) -> None:
        try:
            if self._in_doubt and not await self._is_here():
                return
            self._in_doubt = True
            await self._operations.continue_in_dialplan(
                self.id,
                context=target.context,
                extension=target.extension,
                priority=target.priority,
                label=target.label,
            )
        except ChannelGone:
            pass

    async def _is_here(self) -> bool:
        return self.is_shown_by(await self._operations.get(self.id))

    def is_shown_by(self, channel: models.Channel) -> bool:
        """Whether its channel, as Asterisk shows it, is still in this visit.

        That it is in a later one only other words in Stasis() tell, or the event of its start.
        """
        application, entered = self.session.dialplan_name, self.channel
        if not is_in_application(channel, application):
            return False
        if not is_in_application(entered, application):  # it took another channel's place
            return True
        return channel.dialplan.app_data == entered.dialplan.app_data
