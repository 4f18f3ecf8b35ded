"""Places the calls of `turn.py` and takes the time of each, for every program in the same way.

Asterisk tells this process of every step a channel takes in the dialplan, with its own time stamp.
A call's time runs from its step into Stasis() to its next step, after the `continue`: neither the
program under test nor this process has a say in it, and what it costs to place and end a call is
not in it. The far end of each call never answers, so no sound flows.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from bisect import bisect_left, bisect_right
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bare_client import be_quiet, open_socket

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from bare_client import AriSocket, Frame, Pbx

DIALPLAN = """
[line]
exten => s,1,Wait(600)

[bench]
; the extension is the name of the application (at least two letters: `h` must not match)
exten => _[a-z].,1,Stasis(${EXTEN},UNIQUEID=${UNIQUEID})
 same => n,NoOp(${AI_STATUS})
 same => n,Hangup()

[bench-pieces]
; the caller hangs up after the first piece
exten => _[a-z].,1,Stasis(${EXTEN},UNIQUEID=${UNIQUEID},AI_STREAM=1)
 same => n,NoOp(${AI_STATUS})
 same => n,Hangup()
"""
WHOLE, PIECES = "bench", "bench-pieces"
"""The contexts."""
QUESTION = "At what time do you close today, please, and are you open on Saturday?"
APPLICATION = "bench-callers"
CALL_LIMIT = 30.0
"""Seconds for a call from its first to its last event; a turn of the bridge may take 12."""
STAMP = 0.001
"""Resolution of Asterisk's time stamps, in seconds."""
SETTLE = 0.2
"""Seconds after the last call for what a program does when its caller is served: its log, say."""


@dataclass(frozen=True, slots=True)
class Load:
    """How many calls, and how many of them at any moment."""

    at_once: int
    calls: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What the calls of one round took, in seconds."""

    waits: tuple[float, ...]
    """Of each call that was answered `ok`, in whole milliseconds, shortest first."""
    failed: int
    wall: float
    cpu: float
    """Of the program under test."""
    pbx_cpu: float
    """Of Asterisk."""

    @property
    def calls(self) -> int:
        """All calls, failed ones too."""
        return len(self.waits) + self.failed

    def wait(self, percentile: int) -> float:
        """Return the seconds within which that share of the answered calls was back.

        Calls that Asterisk's stamps show as equal count as evenly spread over their millisecond.
        """
        rank = len(self.waits) * percentile / 100
        wait = self.waits[int(rank)]
        shorter = bisect_left(self.waits, wait)
        equal = bisect_right(self.waits, wait) - shorter
        return wait + ((rank - shorter) / equal - 0.5) * STAMP


@dataclass(slots=True)
class _Placed:
    """A call that is under way."""

    over: asyncio.Future[None]
    entered: str = ""
    left: str = ""
    status: str = ""


class Callers:
    """Any number of callers on one websocket; made by `open_callers`."""

    def __init__(self, socket: AriSocket) -> None:
        self._socket = socket
        # As many digits for each: Asterisk refuses an id that another one begins with.
        self._ids = (f"bench-{number:08}" for number in itertools.count())
        self._placed: dict[str, _Placed] = {}

    async def hear(self) -> None:
        """Take the events of all calls; ends by raising."""
        async for frame in self._socket.frames():
            self._hear(frame)

    async def place(self, program: str, context: str = WHOLE) -> float | None:
        """Place one call to a program, by a context, and wait until it is over.

        Returns the seconds until the dialplan had it back, None if the answer was not `ok`.
        Raises TimeoutError.
        """
        channel = next(self._ids)
        call = self._placed[channel] = _Placed(asyncio.get_running_loop().create_future())
        body = {
            "endpoint": f"Local/{program}@{context}/n",
            "context": "line",
            "extension": "s",
            "priority": 1,
            "variables": {"__USER_INPUT": QUESTION},
        }
        try:
            async with asyncio.timeout(CALL_LIMIT):
                await self._socket.send("POST", f"channels/{channel}", body)
                await call.over
        finally:
            del self._placed[channel]
        if call.status != "ok":
            return None
        spent = datetime.fromisoformat(call.left) - datetime.fromisoformat(call.entered)
        return spent.total_seconds()

    async def measure(self, program: str, load: Load, pid: int, pbx_pid: int) -> Cost:
        """Place the calls of a round and return what they took.

        Raises:
            RuntimeError: hardly a call was answered.
        """
        waits: list[float | None] = []
        turns = iter(range(load.calls))

        async def caller() -> None:
            for _ in turns:
                waits.append(await self.place(program))  # noqa: PERF401 - each call after the last

        cpu, pbx_cpu, began = read_cpu(pid), read_cpu(pbx_pid), time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(load.at_once):
                tasks.create_task(caller())
        wall = time.perf_counter() - began
        await asyncio.sleep(SETTLE)
        answered = tuple(sorted(wait for wait in waits if wait is not None))
        failed = load.calls - len(answered)
        if len(answered) <= failed:
            raise RuntimeError(f"{program}: {failed} of {load.calls} calls were not answered")
        return Cost(answered, failed, wall, read_cpu(pid) - cpu, read_cpu(pbx_pid) - pbx_cpu)

    def _hear(self, frame: Frame) -> None:
        if frame.channel is None:
            return
        caller, _, side = frame.channel.id.partition(";")
        call = self._placed.get(caller)
        if call is None:
            return
        match frame.type, side, frame.dialplan_app:
            case "ChannelDialplan", "2", "Stasis":
                call.entered = frame.timestamp
            case "ChannelDialplan", "2", "NoOp":
                call.left, call.status = frame.timestamp, frame.dialplan_app_data
            case "ChannelDestroyed", "", _:
                call.over.set_result(None)
            case _:
                pass


@asynccontextmanager
async def open_callers(pbx: Pbx) -> AsyncGenerator[Callers]:
    """Connect to Asterisk with the events of all channels."""
    async with (
        open_socket(pbx, APPLICATION, everything=True) as socket,
        asyncio.TaskGroup() as tasks,
    ):
        callers = Callers(socket)
        hearing = tasks.create_task(callers.hear())
        await be_quiet(socket, APPLICATION)
        yield callers
        hearing.cancel()


def read_cpu(pid: int) -> float:
    """Return the seconds of CPU all threads of a process have had, to the nanosecond.

    The kernel has a clock for each process, numbered as in glibc's clock_getcpuclockid(3);
    /proc/PID/stat tells the same in hundredths of a second.
    """
    return time.clock_gettime((~pid << 3) | 2)
