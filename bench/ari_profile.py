"""Where an event's time goes: `dialogari.ari` and the bare loop under cProfile, side by side.

The profiler makes every call dearer, so only its shares are used: each program's are scaled to the
time an event of it really takes, measured without the profiler in the same run. Built-in functions
count for the file that calls them, but msgspec's decoder and the socket are shown by themselves.
"""

from __future__ import annotations

import pstats
import statistics
from collections import defaultdict
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, cast

from ari_measure import BARE, EVENTS, OURS, hear

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ari_measure import Bench, Plan, Replay

    Place = tuple[str, int, str]
    """File, line and function, as pstats has it; the file is `~` for a built-in function."""

MOST = 14
"""Functions listed."""
LEAST = 0.02
"""Microseconds below which a line is left out."""
GROUPS = (
    ("websockets/", "websockets"),
    ("aiohttp/", "aiohttp"),
    ("/asyncio/", "asyncio: loop, tasks, futures"),
    ("dialogari/ari/", "dialogari.ari"),
    ("ari_ours.py", "the benchmark's own handlers"),
    ("ari_bare.py", "the benchmark's own handlers"),
    ("ari_program.py", "the benchmark's own handlers"),
)
ALONE = (
    ("msgspec.json.Decoder", "msgspec: decode"),
    ("_socket.socket", "the socket"),
    ("_contextvars.Context", "asyncio: loop, tasks, futures"),
    ("_asyncio.", "asyncio: loop, tasks, futures"),
)
WAITING = ("select.epoll",)


async def profile(bench: Bench, replay: Replay, plan: Plan) -> str:
    """Profile the bare loop and ours, and return the tables."""
    groups: dict[str, defaultdict[str, float]] = {}
    functions: defaultdict[str, float] = defaultdict(float)
    for name in (BARE, OURS):
        async with AsyncExitStack() as stack:
            program = await bench.start(stack, "hear", name, replay.pbx, "profile")
            await replay.connect(program)
            await hear(replay, program, plan.seconds, 1)
            spent = _spent(program.log.parents[1] / "profile")
        micros = 1e6 / statistics.median(bench.figures[EVENTS, name])
        scale = micros / sum(spent.values())
        groups[name] = defaultdict(float)
        for (place, caller), seconds in spent.items():
            groups[name][_group(place, caller)] += seconds * scale
            if name == OURS:
                functions[_named(place)] += seconds * scale
    return _render(groups, functions)


def _spent(path: Path) -> dict[tuple[Place, Place], float]:
    """Return the seconds spent in each function itself, by who called it."""
    spent: defaultdict[tuple[Place, Place], float] = defaultdict(float)
    # pstats has types for what it prints, none for what it holds.
    stats = cast("dict[Place, Any]", cast("Any", pstats.Stats(str(path))).stats)
    for place, (_, _, own, _, callers) in stats.items():
        if any(word in place[2] for word in WAITING):
            continue
        if place[0] != "~" or not callers:
            spent[place, place] += own
            continue
        for caller, (_, _, seconds, _) in callers.items():
            spent[place, caller] += seconds
    return spent


def _group(place: Place, caller: Place) -> str:
    for word, group in ALONE:
        if place[0] == "~" and word in place[2]:
            return group
    for word, group in GROUPS:
        if word in caller[0]:
            return group
    return "the rest"


def _named(place: Place) -> str:
    file, line, function = place
    return function if file == "~" else f"{'/'.join(file.split('/')[-2:])}:{line}({function})"


def _render(groups: Mapping[str, Mapping[str, float]], functions: Mapping[str, float]) -> str:
    lines = ["", f"{'microseconds of CPU per event':44}{BARE:>8}{OURS:>8}{'more':>8}"]
    for group, ours in _largest(groups[OURS]):
        bare = groups[BARE].get(group, 0.0)
        if max(ours, bare) >= LEAST:
            lines.append(f"{group:44}{bare:8.2f}{ours:8.2f}{ours - bare:8.2f}")
    bare, ours = sum(groups[BARE].values()), sum(groups[OURS].values())
    lines.append(f"{'all':44}{bare:8.2f}{ours:8.2f}{ours - bare:8.2f}")
    lines += ["", "ours, by function"]
    lines += [f"{time:8.2f}  {name}" for name, time in _largest(functions)[:MOST]]
    return "\n".join(lines) + "\n"


def _largest(times: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(times.items(), key=lambda item: -item[1])
