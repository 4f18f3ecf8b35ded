"""Carries out the commands that come to a FakeAsterisk, with the faults that wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from dialogari.ari.testing.envelope import open_envelope, seal
from dialogari.ari.testing.fault import Faults
from dialogari.ari.testing.rest import Answer, Thread

if TYPE_CHECKING:
    from dialogari.ari.testing.applications import Link
    from dialogari.ari.testing.exchange import Exchange
    from dialogari.ari.testing.rest import Command, RestInterface

Reply: TypeAlias = Callable[[Answer], Awaitable[None]]


@dataclass(slots=True)
class Dispatcher:
    """The one place where commands, faults and events meet."""

    exchange: Exchange
    rest: RestInterface
    faults: Faults = field(default_factory=Faults)

    async def answer_text(self, link: Link, application: str, text: str, thread: Thread) -> None:
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
            await self.carry_out(command, reply)

    async def carry_out(self, command: Command, reply: Reply) -> None:
        """Carry a command out, and answer it before or after its events."""
        fault = self.faults.take(command)
        with self.exchange.hold() as events:
            answering = self.rest.begin(command) if fault.status is None else None
        try:
            answer = Answer(fault.status or 0, {"error": "Allocation failed"})
            if answering is not None:
                answer = answering if isinstance(answering, Answer) else await answering
            first = answer.events_first if fault.events_first is None else fault.events_first
            if first:
                self.exchange.release(events)
            await asyncio.sleep(fault.delay)
            if not fault.silent:
                await reply(answer)
        finally:
            self.exchange.release(events)
