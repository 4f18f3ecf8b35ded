"""What `dialogari.ari` costs beside asyncari, ari-client and a bare loop, in the same run.

    python bench/ari.py [--rounds 5] [--quick] [--profile]

A real Asterisk's events of one call are recorded (`ari_recording.py`) and replayed as a thousand
calls (`replay_server.py`) to programs that take their turns, each a process of its own on one core,
all else on the other:

    bare        `websockets`, msgspec into our models, a dict of functions: nothing beside
    ours        `dialogari.ari`: a coroutine a call, which reads its call's events
    asyncari    as its users get it, with a callback on each channel, the least it offers
    quiet       asyncari, its pretty-printing of every event for a log that is off taken out; for
                events alone
    ariclient   ari-client as its users get it: handlers by type, a dict by channel in them

Then they answer calls on a real Asterisk: answer, set a variable, continue. Each takes the events
its library asks for by itself, so `bare` and ours are spared the ChannelVarset.
A program that is not installed is left out, and said to be.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import platform
import statistics
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from ari_measure import (
    ARICLIENT,
    ASYNCARI,
    BARE,
    EVENTS,
    OURS,
    QUIET,
    Bench,
    Figures,
    Plan,
    measure_calls,
    measure_events,
    measure_memory,
    open_replay,
)
from ari_profile import profile
from ari_recording import record
from callers import DIALPLAN, Load

from dialogari.sandbox.asterisk import Asterisk
from dialogari.sandbox.errors import SandboxError
from dialogari.sandbox.fetch import default_cache, find_asterisk

if TYPE_CHECKING:
    from collections.abc import Mapping

NEEDS: Mapping[str, str] = {
    BARE: "",
    OURS: "",
    ASYNCARI: "asyncari",
    QUIET: "asyncari",
    ARICLIENT: "ari_client",
}
"""The package a program can't run without."""
TARGETS: Mapping[str, float] = {BARE: 0.7, ASYNCARI: 5.0, ARICLIENT: 5.0}
"""Events of ours for each of theirs, at least."""
FULL = Plan(5, 1.5, (Load(1, 50), Load(10, 300)))
QUICK = Plan(1, 0.1, (Load(1, 3), Load(10, 20)))
RUN_LIMIT = 560.0


async def run(plan: Plan, folder: Path, *, profiled: bool) -> tuple[Figures, str]:
    """Measure everything; return the figures, and the profile where it is wanted."""
    installation = await asyncio.to_thread(find_asterisk, default_cache())
    programs = [name for name, package in NEEDS.items() if not package or _installed(package)]
    client_core, *_, server_core = [*(cores := sorted(os.sched_getaffinity(0))), cores[-1]]
    os.sched_setaffinity(0, {server_core})  # for all that is started, too
    bench = Bench(programs, folder, client_core)
    table = ""
    async with AsyncExitStack() as stack:
        recording = folder / "recording"
        recording.write_bytes(msgspec.json.encode(await record(installation)))
        replay = await stack.enter_async_context(open_replay(recording, folder))
        await measure_events(bench, replay, plan)
        await measure_memory(bench, replay, plan.rounds)
        if profiled:
            table = await profile(bench, replay, plan)
    async with Asterisk(installation, dialplan=DIALPLAN) as asterisk:
        await measure_calls(bench, asterisk, plan)
    return bench.figures, table


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def render(figures: Figures) -> str:
    """Return the tables: ratios first, then what they are made of."""
    titles = list(dict.fromkeys(title for title, _ in figures))
    others = [name for name in NEEDS if (EVENTS, name) in figures and name != OURS]
    lines = [f"{'ours / ...':34}" + "".join(f"{name:>22}" for name in others)]
    for title in titles:
        cells = (_ratio(figures, title, name) for name in others)
        lines.append(f"{title:34}" + "".join(f"{cell:>22}" for cell in cells))
    lines += ["", f"{'':34}" + "".join(f"{name:>12}" for name in (OURS, *others))]
    for title in titles:
        values = (figures.get((title, name)) for name in (OURS, *others))
        cells = (f"{statistics.median(rounds):.4g}" if rounds else "-" for rounds in values)
        lines.append(f"{title:34}" + "".join(f"{cell:>12}" for cell in cells))
    lines.append("")
    lines += [_verdict(figures, name, least) for name, least in TARGETS.items()]
    return "\n".join(lines)


def _ratio(figures: Figures, title: str, other: str) -> str:
    ours, theirs = figures[title, OURS], figures.get((title, other))
    if not theirs or not all(theirs):
        return "-"
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    median = f"{statistics.median(ratios):.2f}x"
    return median if len(ratios) == 1 else f"{median} ({min(ratios):.2f}-{max(ratios):.2f})"


def _verdict(figures: Figures, other: str, least: float) -> str:
    theirs = figures.get((EVENTS, other))
    if theirs is None:
        return f"NOT COMPARED with {other}: it is not installed (dependency group `bench`)"
    pairs = zip(figures[EVENTS, OURS], theirs, strict=True)
    ratio = statistics.median(a / b for a, b in pairs)
    verdict = "met" if ratio >= least else "MISSED"
    return f"events {ratio:.2f} times {other}'s, at least {least} wanted: {verdict}"


async def _bounded(plan: Plan, *, profiled: bool) -> tuple[Figures, str]:
    with tempfile.TemporaryDirectory(prefix="dialogari-bench-") as folder:
        async with asyncio.timeout(RUN_LIMIT):
            return await run(plan, Path(folder), profiled=profiled)


def main() -> None:
    """Run and print the tables."""
    parser = argparse.ArgumentParser(description="What dialogari.ari costs.")
    parser.add_argument("--rounds", type=int, default=FULL.rounds)
    parser.add_argument("--quick", action="store_true", help="little of all: does it still run?")
    parser.add_argument("--profile", action="store_true", help="where an event's time goes")
    wanted = parser.parse_args()
    plan = QUICK if wanted.quick else Plan(wanted.rounds, FULL.seconds, FULL.loads)
    try:
        figures, table = asyncio.run(_bounded(plan, profiled=wanted.profile))
    except SandboxError as error:
        sys.exit(str(error))
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    sys.stdout.write(f"{machine}, medians of {plan.rounds} rounds\n\n{render(figures)}\n{table}")


if __name__ == "__main__":
    main()
