"""Who places the calls, and the dialplan that writes down what becomes of each.

A line is written, and out of Asterisk's hands, before the call's next step, so that what Asterisk
did is known even of one that was killed.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import aiohttp

from either_pbx import bare_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dialogari.sandbox.asterisk import Asterisk

Ending = Literal["continue", "return", "hang up"]

DIALPLAN = """
[fault-caller]
exten => s,1,Wait(${PATIENCE})
[fault]
exten => s,1,Set(VISIT=0)
 same => n,Answer()
 same => n(again),Set(VISIT=$[${VISIT} + 1])
 same => n,Set(FILE(${BOOK},,,al,u)=${NUMBER} ${VISIT} in ${STRFTIME(,,%s.%3q)} -)
 same => n,Stasis(${APP},${NUMBER},${VISIT})
 same => n,Set(FILE(${BOOK},,,al,u)=${NUMBER} ${VISIT} out ${STRFTIME(,,%s.%3q)} ${STASISSTATUS})
 same => n,GotoIf($[${VISIT} >= ${VISITS}]?over)
 same => n,Wait(${PAUSE})
 same => n,Goto(again)
 same => n(over),Hangup()
exten => h,1,Set(FILE(${BOOK},,,al,u)=${NUMBER} ${VISIT} end ${STRFTIME(,,%s.%3q)} -)
"""
FOR_EVER = 120.0
"""Seconds a caller waits who does not hang up by himself."""
PLACING_LIMIT = 5.0


@dataclass(frozen=True, slots=True)
class CallPlan:
    """What one call is to be like."""

    number: int
    patience: float
    """Seconds after which the caller hangs up."""
    work: float
    """Seconds the handler waits."""
    commands: frozenset[str]
    """What it does beside."""
    ending: Ending
    visits: int
    """How often the dialplan sends the call to the application."""
    pause: float
    """Seconds in the dialplan between two visits."""


def plan_call(seed: int, number: int) -> CallPlan:
    """Return what a call is like; the same one for the same numbers."""
    chance = random.Random(f"{seed}:{number}")  # noqa: S311 - a run that comes back the same
    kinds = ("variables", "play", "keys", "beside", "look")
    return CallPlan(
        number,
        patience=chance.uniform(0.0, 0.7) if chance.random() < 0.25 else FOR_EVER,
        work=chance.uniform(0.0, 0.5),
        commands=frozenset(kind for kind in kinds if chance.random() < 0.3),
        ending=chance.choice(("continue", "continue", "return", "hang up")),
        visits=chance.choice((1, 1, 1, 1, 2, 3)),
        pause=chance.choice((0.0, 0.1, 0.3)),
    )


@dataclass(slots=True)
class Visit:
    """One visit of a call to Stasis(), as the dialplan saw it."""

    number: int
    count: int
    """1 for a call's first one."""
    entered: float
    """On the machine's clock."""
    left: float | None = None
    status: str = ""
    """STASISSTATUS, where the call was in the dialplan after it."""

    @property
    def fate(self) -> str:
        """What became of it."""
        if self.status:
            return "refused" if self.status == "FAILED" else "sent back"
        return "killed" if self.left is None else "hung up"


def read_book(path: Path) -> dict[tuple[int, int], Visit]:
    """Return the visits that a dialplan wrote down, by number and count.

    Raises:
        ValueError: a step was written down twice.
    """
    visits: dict[tuple[int, int], Visit] = {}
    for line in path.read_text().splitlines():
        number, count, step, time, status = line.split()
        key = int(number), int(count)
        if step == "in":
            if key in visits:
                raise ValueError(f"the book has {line!r} twice")
            visits[key] = Visit(*key, float(time))
        elif step == "out":
            visits[key].left, visits[key].status = float(time), status
        elif key in visits and visits[key].left is None:
            visits[key].left = float(time)
    return visits


@dataclass(slots=True)
class Placer:
    """Places calls on an Asterisk by a client of its own, until so many have been taken."""

    asterisk: Asterisk
    app: str
    seed: int
    calls: int
    rate: float
    """Calls a second."""
    plans: dict[int, CallPlan] = field(default_factory=dict[int, CallPlan])
    """Of every call that was asked for, by number."""
    taken: int = 0
    """Calls that Asterisk said it has."""

    @property
    def book(self) -> Path:
        """Where the dialplan writes."""
        return self.asterisk.folder / "book"

    async def place_all(self) -> None:
        """Place them; those that Asterisk was not there for are placed beside."""
        chance = random.Random(self.seed)  # noqa: S311 - as above
        numbers = iter(range(1, 100 * self.calls))
        async with bare_session(self.asterisk) as session:
            while self.taken < self.calls:
                await asyncio.sleep(chance.expovariate(self.rate))
                async with asyncio.TaskGroup() as tasks:
                    # Now and then some at the same moment.
                    for _ in range(chance.choice((1, 1, 1, 3))):
                        tasks.create_task(self._place(session, numbers))

    async def _place(self, session: aiohttp.ClientSession, numbers: Iterator[int]) -> None:
        number = next(numbers)
        plan = self.plans[number] = plan_call(self.seed, number)
        variables = {
            "__APP": self.app,
            "__BOOK": str(self.book),
            "__NUMBER": str(number),
            "__VISITS": str(plan.visits),
            "__PAUSE": str(plan.pause),
            "PATIENCE": str(plan.patience),
        }
        body = {
            "endpoint": "Local/s@fault/n",
            "context": "fault-caller",
            "extension": "s",
            "priority": 1,
            "variables": variables,
        }
        url = f"{self.asterisk.url}/channels/fault-{number:06}"
        try:
            async with session.post(url, json=body) as answer:
                self.taken += answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(0.2)  # Asterisk is dead just now
