"""How much sooner a caller hears something when the answer comes in pieces.

    python bench/pieces.py [--rounds 3] [--quick]

One real Asterisk, the bridge as a process of its own, and a model that writes an answer of five
sentences, a word every 30 ms. Callers ask it 1, 10 and 50 at a time, in turns:

    whole    the call is back with the whole answer
    pieces   the call is back with the first sentence (AI_STREAM=1)
    raw      no call: the stream read by hand, until the first sentence is complete

The time of a call is Asterisk's own, as in `turn.py`. What is worth comparing are `whole / pieces`,
what a caller gains, and `pieces - raw`, what bridge and Asterisk add to the model's own time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from bare_client import Pbx
from callers import DIALPLAN, PIECES, QUESTION, WHOLE, open_callers
from raw import ask_at_once, open_session, read_deltas
from turn import BRIDGE, described, running, running_model, warm_up

from dialogari.sandbox.asterisk import Asterisk
from dialogari.sandbox.errors import SandboxError
from dialogari.sandbox.fetch import default_cache, find_asterisk

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    import aiohttp

    Ask = Callable[[], Awaitable[float | None]]
    """One question; returns the seconds it took, or None where it was not answered."""
    Waits = Mapping[tuple[str, int], Sequence[float]]
    """The median wait of each round."""

PACE = 0.03
FULL, QUICK = {1: 5, 10: 30, 50: 150}, {1: 1, 10: 10, 50: 50}
"""Questions in a round, by how many are asked at a time."""
RAW = "raw"
RUN_LIMIT = 280.0


async def ask_raw(session: aiohttp.ClientSession, url: str) -> float:
    """Read a stream until a word follows the first sentence; return the seconds that took."""
    began = time.perf_counter()
    said = {"messages": [{"role": "user", "content": QUESTION}]}
    ended = False
    async with aclosing(read_deltas(session, url, said)) as deltas:
        async for delta in deltas:
            if ended and delta.content:
                break
            ended = ended or (delta.content or "").endswith(". ")
    return time.perf_counter() - began


async def measure(ask: Ask, at_once: int, questions: int) -> float:
    """Ask so many questions, so many at a time; return the median of their seconds.

    Raises:
        RuntimeError: one was not answered.
    """
    waits: list[float] = []

    async def call() -> None:
        wait = await ask()
        if wait is None:
            raise RuntimeError("a call was not answered")
        waits.append(wait)

    await ask_at_once(call, at_once, questions)
    return statistics.median(waits)


async def run(plan: Mapping[int, int], rounds: int, folder: Path) -> Waits:
    """Start everything, let the ways take turns, and return what they took."""
    installation = await asyncio.to_thread(find_asterisk, default_cache())
    async with AsyncExitStack() as stack:
        asterisk = await stack.enter_async_context(Asterisk(installation, dialplan=DIALPLAN))
        pbx = Pbx(asterisk.url, asterisk.username, asterisk.password)
        model = await stack.enter_async_context(running_model(folder / "model", PACE))
        callers = await stack.enter_async_context(open_callers(pbx))
        session = await stack.enter_async_context(open_session())
        command, environment = described(BRIDGE, pbx, model)
        starting = running(BRIDGE, command, environment, folder / BRIDGE)
        program = await stack.enter_async_context(starting)
        await warm_up(callers, program, asterisk.pid)
        ways: Mapping[str, Ask] = {
            WHOLE: lambda: callers.place(BRIDGE, WHOLE),
            PIECES: lambda: callers.place(BRIDGE, PIECES),
            RAW: lambda: ask_raw(session, model),
        }
        waits: dict[tuple[str, int], list[float]] = {(w, n): [] for n in plan for w in ways}
        for _ in range(rounds):
            for (way, at_once), measured in waits.items():
                measured.append(await measure(ways[way], at_once, plan[at_once]))
    return waits


def render(waits: Waits) -> str:
    """Return the table."""
    loads = list(dict.fromkeys(at_once for _, at_once in waits))
    lines = [" " * 24 + "".join(f"{f'{n} at a time':>26}" for n in loads)]
    rows: Mapping[str, Callable[[int], str]] = {
        "whole / pieces": lambda n: _compared(waits[WHOLE, n], waits[PIECES, n], _ratio),
        "pieces - raw, ms": lambda n: _compared(waits[PIECES, n], waits[RAW, n], _difference),
        "whole answer, ms": lambda n: f"{statistics.median(waits[WHOLE, n]) * 1000:.0f}",
        "first sentence, ms": lambda n: f"{statistics.median(waits[PIECES, n]) * 1000:.0f}",
        "raw first sentence, ms": lambda n: f"{statistics.median(waits[RAW, n]) * 1000:.0f}",
    }
    lines += [
        f"{title:24}" + "".join(f"{cell(n):>26}" for n in loads) for title, cell in rows.items()
    ]
    return "\n".join(lines)


def _ratio(ours: float, theirs: float) -> float:
    return ours / theirs


def _difference(ours: float, theirs: float) -> float:
    return (ours - theirs) * 1000


def _compared(
    ours: Sequence[float], theirs: Sequence[float], how: Callable[[float, float], float]
) -> str:
    each = [how(a, b) for a, b in zip(ours, theirs, strict=True)]
    return f"{statistics.median(each):.1f} ({min(each):.1f} to {max(each):.1f})"


async def _bounded(plan: Mapping[int, int], rounds: int) -> Waits:
    with tempfile.TemporaryDirectory(prefix="dialogari-bench-") as folder:
        async with asyncio.timeout(RUN_LIMIT):
            return await run(plan, rounds, Path(folder))


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description="How much sooner the first sentence comes.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a few calls: does it still run?")
    wanted = parser.parse_args()
    plan, rounds = (QUICK, 1) if wanted.quick else (FULL, wanted.rounds)
    try:
        waits = asyncio.run(_bounded(plan, rounds))
    except SandboxError as error:
        sys.exit(str(error))
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    sys.stdout.write(f"{machine}, medians of {rounds} rounds\n\n{render(waits)}\n")


if __name__ == "__main__":
    main()
