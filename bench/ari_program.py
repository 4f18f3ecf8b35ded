"""What the clients of `ari.py` share: where they are told to work, and how they say they are done.

Each is a program `ari_NAME.py` with two coroutines, `hear(wanted, tally)` and `answer(wanted)`:

    hear      events of many calls, each to the handler of its call, which counts it in `tally`
    answer    calls: answer each, set AI_STATUS to ok, send it back to the dialplan
"""

from __future__ import annotations

import asyncio
import cProfile
import gc
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HEARD = Path("heard")
"""A line for each time that all calls had come and gone: how many events they had."""
PROFILE = Path("profile")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which server, and as whom."""

    url: str
    """With `/ari`."""
    username: str
    password: str = field(repr=False)
    application: str

    @property
    def origin(self) -> str:
        """Host and port, as `HOST:PORT`."""
        return self.url.split("/")[2]


class Tally:
    """Counts events; a plain object, so that counting costs each client the same."""

    __slots__ = ("_calls", "_events", "_profile")

    def __init__(self, profile: cProfile.Profile | None) -> None:
        self._events = 0
        self._calls = 0
        self._profile = profile

    def start(self) -> None:
        """Count a StasisStart."""
        self._events += 1
        self._calls += 1

    def hear(self) -> None:
        """Count any other event."""
        self._events += 1

    def end(self) -> None:
        """Count a StasisEnd; after that of the last call, write down the sum."""
        self._events += 1
        self._calls -= 1
        if self._calls == 0:
            if self._profile is not None:
                self._profile.dump_stats(PROFILE)
            with HEARD.open("a", encoding="ascii") as file:
                file.write(f"{self._events}\n")
            self._events = 0


def run(
    hear: Callable[[Wanted, Tally], Awaitable[None]], answer: Callable[[Wanted], Awaitable[None]]
) -> None:
    """Run what the command line says, `hear` or `answer`, on the core it says."""
    what, core, *options = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    wanted = Wanted(
        os.environ["ASTERISK_ARI_URL"],
        os.environ["ASTERISK_ARI_USERNAME"],
        os.environ["ASTERISK_ARI_PASSWORD"],
        os.environ["ASTERISK_APP_NAME"],
    )
    profile = cProfile.Profile() if "profile" in options else None
    gc.collect()

    async def work() -> None:
        await (answer(wanted) if what == "answer" else hear(wanted, Tally(profile)))

    if profile is not None:
        profile.enable()
    asyncio.run(work())
