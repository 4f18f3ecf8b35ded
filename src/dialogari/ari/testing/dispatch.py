"""Carries out the commands that come to a FakeAsterisk, with the faults that wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from dialogari.ari.testing.envelope import open_envelope, seal
from dialogari.ari.testing.fault import Faults
from dialogari.ari.testing.rest import Answer, Thread

if TYPE_CHECKING:
    from dialogari.ari.testing.exchange import Exchange
    from dialogari.ari.testing.rest import Command, RestInterface

Reply: TypeAlias = Callable[[Answer], Awaitable[None]]
SILENCE = 300.0
"""Seconds after which even an answer that never comes has its connection closed."""


class Connection(Protocol):
    """An events socket, inbound or outbound, as answers see it."""

    def send(self, frame: bytes, *, binary: bool = False) -> None:
        """Send one frame, in its turn."""
        ...

    def abort(self) -> None:
        """End it without a word."""
        ...


@dataclass(slots=True)
class Dispatcher:
    """The one place where commands, faults and events meet."""

    exchange: Exchange
    rest: RestInterface
    faults: Faults = field(default_factory=Faults)

    async def answer_text(
        self, link: Connection, application: str, text: str, thread: Thread
    ) -> None:
        """Answer what came over an events socket."""
        fields, command = open_envelope(text, thread)

        async def reply(answer: Answer) -> None:
            known = self.exchange.applications.get(application)
            # The event filter holds answers back too, and a forgotten application gets none.
            if known is not None and known.passes("RESTResponse"):
                link.send(seal(fields, answer, application))

        if isinstance(command, Answer):
            await reply(command)
        else:
            await self.carry_out(command, reply, link.abort)

    async def carry_out(self, command: Command, reply: Reply, cut: Callable[[], None]) -> None:
        """Carry a command out; answer it before or after its events, or `cut` its connection."""
        if self._is_stuck(command):
            await asyncio.sleep(SILENCE)
        fault = self.faults.take(command)
        with self.exchange.hold() as events:
            answering = self.rest.begin(command) if fault.status is None else None
        try:
            words = {"message": fault.message} if fault.message else {"error": "Allocation failed"}
            answer = Answer(fault.status or 0, words)
            if answering is not None:
                answer = answering if isinstance(answering, Answer) else await answering
            first = answer.events_first if fault.events_first is None else fault.events_first
            if first:
                self.exchange.release(events)
            await asyncio.sleep(fault.delay)
            if fault.cut:
                cut()
            elif not fault.silent:
                await reply(answer)
        finally:
            self.exchange.release(events)

    def _is_stuck(self, command: Command) -> bool:
        """Tell whether Asterisk would wait for an application that is stuck for ever."""
        if command.path[0] != "applications":
            return False
        stuck = {name for name, known in self.exchange.applications.items() if known.stuck}
        return bool(stuck) and (command.path == ("applications",) or command.path[1] in stuck)
