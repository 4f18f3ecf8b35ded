"""The program under test: a handler as people write them, and the book that it keeps."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ari_faults.placing import plan_call
from dialogari.ari import AriError, Call, ChannelGone, Lost, Recovered, Resumed
from dialogari.ari.models import StasisStart

if TYPE_CHECKING:
    from collections.abc import Generator

    from ari_faults.placing import CallPlan
    from dialogari.ari import Client, Listener

TONE = "tone:ring"
"""It plays until it is stopped."""


@dataclass(slots=True, eq=False)
class Answered:
    """One call that the library gave to a handler."""

    call: Call
    number: int
    count: int
    """Which visit of the call."""
    resumed: bool
    """Whether it came to `resumed`."""
    ended: list[str] = field(default_factory=list[str])
    """How the handler ended, as often as it did."""


@dataclass(slots=True)
class Answering:
    """Handles calls and keeps the book."""

    seed: int
    answered: list[Answered] = field(default_factory=list[Answered])
    heard: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    """Number and count of each visit whose StasisStart came."""
    told: dict[Call, list[Resumed | Lost]] = field(
        default_factory=dict[Call, list["Resumed | Lost"]]
    )
    """What the library told of each call after a gap."""
    recovered: list[float] = field(default_factory=list[float])
    """When the link was proven, on the machine's clock."""
    errors: Counter[str] = field(default_factory=Counter[str])
    """Errors that commands raised, by name; each ended its handler."""

    async def handle(self, call: Call) -> None:
        """Handle a new call."""
        await self._answer(call, resumed=False)

    async def handle_resumed(self, call: Call) -> None:
        """Handle a call that only the snapshot showed."""
        await self._answer(call, resumed=True)

    async def _answer(self, call: Call, *, resumed: bool) -> None:
        number, count = map(int, call.arguments)
        answered = Answered(call, number, count, resumed)
        self.answered.append(answered)
        with self._noting(answered):
            await _work(call, plan_call(self.seed, number))

    @contextmanager
    def _noting(self, answered: Answered) -> Generator[None]:
        """Note how a handler ends."""
        try:
            yield
        except ChannelGone:
            answered.ended.append("gone")
            raise
        except asyncio.CancelledError:
            answered.ended.append("cancelled")
            raise
        except AriError as error:
            answered.ended.append("error")
            self.errors[type(error).__name__] += 1
        except BaseExceptionGroup:
            answered.ended.append("gone")
            raise
        else:
            answered.ended.append("returned")

    async def watch(self, client: Client) -> None:
        """Take note of what the library tells of gaps, until cancelled."""
        await client.wait_until_ready()
        listening: Listener[StasisStart | Recovered | Resumed | Lost]
        types = (StasisStart, Recovered, Resumed, Lost)
        async with client.session.listen(types=types) as listening:
            async for told in listening:
                match told:
                    case StasisStart(args=(number, count)):
                        self.heard.add((int(number), int(count)))
                    case Recovered():
                        self.recovered.append(time.time())
                    case Resumed() | Lost():
                        self.told.setdefault(told.call, []).append(told)
                    case _:
                        pass


async def _work(call: Call, plan: CallPlan) -> None:
    """Do what the plan says: a bit of everything that a handler can do."""
    if "beside" in plan.commands:
        call.start(_listen(call))
    if "variables" in plan.commands:
        await call.set_variables({"AI_STATUS": "ok", "AI_RESPONSE": "Good morning."})
        await call.get_variable("AI_STATUS")
    if "play" in plan.commands:
        async with call.playing(TONE):
            await asyncio.sleep(plan.work)
    if "keys" in plan.commands:
        await call.collect(1, seconds=plan.work)
    await asyncio.sleep(plan.work)
    if "look" in plan.commands:
        await call.session.channels.get(call.id)
    if plan.ending == "continue":
        await call.continue_in_dialplan()
    elif plan.ending == "hang up":
        await call.hang_up()


async def _listen(call: Call) -> None:
    async with call.listen() as events:
        async for _ in events:
            pass
