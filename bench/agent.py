"""Two hundred turns at the same time on a model that needs a second, beside raw streaming.

    python bench/agent.py [--turns 200] [--seconds 1] [--rounds 3]

A model in a process of its own writes an answer of two sentences, a word every 35 ms, one second in
all; so many callers, spread over that second, ask it three times each. Two ways take turns:

    raw    aiohttp and msgspec by hand (`raw.py`): the words, the tool's call, and nothing beside
    ours   `take_turn`, or `answers` for pieces, all of it put together as in the bridge: prompt,
           tools and conversation from a new SQLite, the turn safe in it before it is told

and both do the same four things: answer, answer after a tool's (HTTP, beside the model), answer in
pieces, both. Of an answer in pieces the first sentence is timed, and the last word. `at once` is
the worst case: all callers ask in the same instant.

A time that is added is a percentile of ours less the same of raw in the same round. CPU is this
process's own, all threads. What is not answered in full fails the run.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import chdir
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from agent_ways import SAID, WORDS, Kind, Ours, Raw, Took
from raw import collect_as_the_bridge, open_session
from turn import running_model

from dialogari.app.ai import open_ai
from dialogari.config import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    Ask = Callable[[Kind], Awaitable[Took]]
    Costs = Mapping[tuple[Kind, str], Sequence["Cost"]]
    """What each way took in each round."""

EACH = 3
"""Turns of a caller in a round, one after the other."""
RAW, OURS = "raw", "ours"
WARM_UP = 10
RUN_LIMIT = 280.0


@dataclass(frozen=True, slots=True)
class Load:
    """How many callers ask, all at the same time, and what the model needs for an answer."""

    callers: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What one round took."""

    turns: Sequence[Took]
    cpu: float
    """Milliseconds a turn."""


@dataclass(frozen=True, slots=True)
class Timed:
    """What is timed of a kind of turn."""

    title: str
    kind: Kind
    milliseconds: Callable[[Took], float] = attrgetter("whole")

    def at(self, percentile: int, cost: Cost) -> float:
        """Return the milliseconds within which so many of a hundred turns were there."""
        return sorted(map(self.milliseconds, cost.turns))[len(cost.turns) * percentile // 100]


WHOLE, AT_ONCE = Kind(), Kind(together=True)
WITH_TOOL, PIECES = Kind(tool=True), Kind(pieces=True)
BOTH = Kind(tool=True, pieces=True)
KINDS = (WHOLE, WITH_TOOL, PIECES, BOTH, AT_ONCE)
FIRST: Callable[[Took], float] = attrgetter("first")
TIMED = (
    Timed("answer", WHOLE),
    Timed("answer after a tool", WITH_TOOL),
    Timed("in pieces: first sentence", PIECES, FIRST),
    Timed("in pieces: last word", PIECES),
    Timed("tool, pieces: first sentence", BOTH, FIRST),
    Timed("tool, pieces: last word", BOTH),
    Timed("answer, all at once", AT_ONCE),
)


async def measure(ask: Ask, kind: Kind, load: Load) -> Cost:
    """Let the callers ask."""
    took: list[Took] = []
    each = 1 if kind.together else EACH

    async def caller(number: int) -> None:
        if not kind.together:
            await asyncio.sleep(load.seconds * number / load.callers)
        for _ in range(each):
            took.append(await ask(kind))  # noqa: PERF401 - each turn after the last

    cpu = time.process_time()
    async with asyncio.TaskGroup() as tasks:
        for number in range(load.callers):
            tasks.create_task(caller(number))
    return Cost(took, (time.process_time() - cpu) / len(took) * 1000)


async def run(load: Load, rounds: int, folder: Path) -> Costs:
    """Let the ways take turns and return what they took."""
    costs: dict[tuple[Kind, str], list[Cost]] = {(k, w): [] for k in KINDS for w in (RAW, OURS)}
    pace = load.seconds / len(WORDS)
    async with running_model(folder / "model", pace, SAID) as url, open_session() as session:
        settings = Settings(
            openai_base_url=url,
            openai_model_name="instant",
            default_ai_model="openai",
            dialogari_state_dir=folder / "state",
            tool_networks="127.0.0.0/8",  # pyright: ignore[reportArgumentType] - as it is written
        )
        async with open_ai(settings, lambda _step: None, exclusive=True) as ai:
            ours = Ours(ai)
            await ours.prepare(url)
            ways = {RAW: Raw(session, url).ask, OURS: ours.ask}
            for kind, way in costs:
                await measure(ways[way], replace(kind, together=True), Load(WARM_UP, 0))
            collect_as_the_bridge()
            for _ in range(rounds):
                for (kind, way), measured in costs.items():
                    measured.append(await measure(ways[way], kind, load))
    return costs


def render(costs: Costs) -> str:
    """Return the tables: what ours adds, then what that is made of."""
    heads = ("added p50 ms", "added p99 ms", "CPU over raw")
    lines = [f"{'':30}" + "".join(f"{head:>24}" for head in heads)]
    for timed in TIMED:
        pairs = list(zip(costs[timed.kind, OURS], costs[timed.kind, RAW], strict=True))
        added = ([timed.at(n, a) - timed.at(n, b) for a, b in pairs] for n in (50, 99))
        cells = (*map(_told, added), _told([a.cpu / b.cpu for a, b in pairs], "x"))
        lines.append(f"{timed.title:30}" + "".join(f"{cell:>24}" for cell in cells))
    lines += ["", f"{'':36}{'p50 ms':>10}{'p99 ms':>10}{'CPU ms a turn':>16}{'turns':>8}"]
    for timed, way in itertools.product(TIMED, (RAW, OURS)):
        own = costs[timed.kind, way]
        p50, p99 = (statistics.median(timed.at(n, cost) for cost in own) for n in (50, 99))
        cpu = statistics.median(cost.cpu for cost in own)
        turns = sum(len(cost.turns) for cost in own)
        lines.append(f"{timed.title:30}{way:6}{p50:10.1f}{p99:10.1f}{cpu:16.2f}{turns:8}")
    return "\n".join(lines)


def _told(values: Sequence[float], unit: str = "") -> str:
    form = ".2f" if unit else ".1f"
    median = f"{statistics.median(values):{form}}{unit}"
    if len(values) == 1:
        return median
    return f"{median} ({min(values):{form}} to {max(values):{form}})"


async def _bounded(load: Load, rounds: int) -> Costs:
    with tempfile.TemporaryDirectory(prefix="dialogari-bench-") as folder, chdir(folder):
        async with asyncio.timeout(RUN_LIMIT):
            return await run(load, rounds, Path(folder))


def main() -> None:
    """Run and print the tables."""
    parser = argparse.ArgumentParser(description="What the agent adds to a model that streams.")
    parser.add_argument("--turns", type=int, default=200, help="at the same time")
    parser.add_argument("--seconds", type=float, default=1.0, help="the model needs for an answer")
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    costs = asyncio.run(_bounded(Load(wanted.turns, wanted.seconds), wanted.rounds))
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    heading = f"{machine}, {wanted.turns} turns at a time, medians of {wanted.rounds} rounds"
    sys.stdout.write(f"{heading}\n\n{render(costs)}\n")


if __name__ == "__main__":
    main()
