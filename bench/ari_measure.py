"""How `ari.py` measures: starts the programs, gives them work, and reads what it cost."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import SOCK_STREAM
from typing import TYPE_CHECKING

import aiohttp
from bare_client import Pbx
from callers import open_callers, read_cpu
from turn import FOLDER, START_LIMIT, listens, running, warm_up

from dialogari.sandbox.ports import choose_port

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from callers import Load
    from turn import Program

    from dialogari.sandbox.asterisk import Asterisk

BARE, OURS, ASYNCARI, QUIET, ARICLIENT = "bare", "ours", "asyncari", "quiet", "ariclient"
SCRIPTS: Mapping[str, str] = {
    BARE: "ari_bare.py",
    OURS: "ari_ours.py",
    ASYNCARI: "ari_asyncari.py",
    QUIET: "ari_asyncari.py",
    ARICLIENT: "ari_ariclient.py",
}
EVENTS, MEMORY, FAILED = "events per CPU-second", "KiB per parked call", "calls failed"
CALLS = 1000
OK = 200
GOING = 1.0
"""Seconds in which a program whose socket is closed comes to its end."""
IDLE = 0.3
"""Seconds without work after which a program counts as idle."""
NOTHING = 0.001
"""Seconds of CPU in a tenth of one that are no work."""

Figures = dict[tuple[str, str], list[float]]
"""What came out, by figure and program, a value for each round."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int
    seconds: float
    """For which the events of one turn are sent."""
    loads: tuple[Load, ...]


@dataclass(slots=True)
class Bench:
    """The programs there are, where they run, and what they came to."""

    programs: Sequence[str]
    folder: Path
    client_core: int
    figures: Figures = field(default_factory=Figures)

    @property
    def clients(self) -> Sequence[str]:
        """The programs without the second form of one, which is for events alone."""
        return [name for name in self.programs if name != QUIET]

    def note(self, figure: str, program: str, value: float) -> None:
        """Keep one round's value."""
        self.figures.setdefault((figure, program), []).append(value)

    async def start(
        self, stack: AsyncExitStack, what: str, name: str, pbx: Pbx, *options: str
    ) -> Program:
        """Start a program that connects to a server as the application of its name."""
        environment = {
            "ASTERISK_ARI_URL": pbx.url,
            "ASTERISK_ARI_USERNAME": pbx.username,
            "ASTERISK_ARI_PASSWORD": pbx.password,
            "ASTERISK_APP_NAME": name,
        }
        words = (*options, "quiet") if name == QUIET else options
        command = (str(FOLDER / SCRIPTS[name]), what, str(self.client_core), *words)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))
        return await stack.enter_async_context(running(name, command, environment, folder / "run"))


class Replay:
    """The server that plays the recording, and the way to it."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self.pbx = Pbx(f"http://127.0.0.1:{port}/ari", "bench", "bench")
        self._origin = f"http://127.0.0.1:{port}"

    async def play(self, program: Program, seconds: float | None) -> int:
        """Send a program its calls; None: they stay. Returns the number of events."""
        what = "park" if seconds is None else "replay"
        query = {"calls": CALLS} if seconds is None else {"calls": CALLS, "seconds": seconds}
        url = f"{self._origin}/{what}/{program.name}"
        async with self._session.post(url, params=query) as response:
            answer = await response.text()
        if response.status != OK:  # the program has gone
            await asyncio.sleep(GOING)
            await program.check()
            raise RuntimeError(f"{program.name} has closed its socket")
        return int(answer)

    async def connect(self, program: Program) -> None:
        """Wait until a program is connected and has nothing left to do."""
        async with asyncio.timeout(START_LIMIT):
            while True:
                await program.check()
                async with self._session.get(f"{self._origin}/connected/{program.name}") as answer:
                    if answer.status == OK:
                        break
                await asyncio.sleep(0.1)
            await idle(program)


async def idle(program: Program) -> None:
    """Wait until a program has stopped working."""
    cpu, since = -1.0, 0.0
    while since < IDLE:
        await asyncio.sleep(0.1)
        await program.check()
        now = read_cpu(program.pid)
        since, cpu = (since + 0.1 if now - cpu < NOTHING else 0.0), now


async def heard(program: Program, number: int) -> int:
    """Wait until a program's calls have ended so many times; return the events of the last."""
    path = program.log.parents[1] / "heard"
    while True:
        lines = path.read_text(encoding="ascii").split("\n")[:-1] if path.exists() else []
        if len(lines) >= number:
            return int(lines[number - 1])
        await program.check()
        await asyncio.sleep(0.02)


async def measure_events(bench: Bench, replay: Replay, plan: Plan) -> None:
    """Let the programs take turns at the events."""
    async with AsyncExitStack() as stack:
        programs: list[Program] = []
        for name in bench.programs:
            program = await bench.start(stack, "hear", name, replay.pbx)
            await replay.connect(program)
            programs.append(program)
        for turn in range(plan.rounds + 1):
            for program in programs:
                seconds = plan.seconds if turn else 0.1
                spent, events = await hear(replay, program, seconds, turn + 1)
                if turn:  # the first is for warming up
                    bench.note(EVENTS, program.name, events / spent)


async def hear(replay: Replay, program: Program, seconds: float, number: int) -> tuple[float, int]:
    """Have a program hear events; return its seconds of CPU and their number.

    Raises:
        RuntimeError: it did not hear all of them.
    """
    cpu = read_cpu(program.pid)
    sent = await replay.play(program, seconds)
    events = await heard(program, number)
    if events != sent:
        log = program.log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"{program.name} heard {events} of {sent} events\n{log}")
    return read_cpu(program.pid) - cpu, events


async def measure_memory(bench: Bench, replay: Replay, rounds: int) -> None:
    """Let fresh programs hold calls that nothing happens to."""
    for _ in range(rounds):
        for name in bench.clients:
            async with AsyncExitStack() as stack:
                program = await bench.start(stack, "hear", name, replay.pbx)
                await replay.connect(program)
                before = read_memory(program.pid)
                await replay.play(program, None)
                await idle(program)
                bench.note(MEMORY, name, (read_memory(program.pid) - before) / CALLS)


async def measure_calls(bench: Bench, asterisk: Asterisk, plan: Plan) -> None:
    """Let the programs take turns at calls of a real Asterisk."""
    pbx = Pbx(asterisk.url, asterisk.username, asterisk.password)
    async with AsyncExitStack() as stack:
        callers = await stack.enter_async_context(open_callers(pbx))
        programs: list[Program] = []
        for name in bench.clients:
            program = await bench.start(stack, "answer", name, pbx)
            await warm_up(callers, program, asterisk.pid)
            programs.append(program)
        for _ in range(plan.rounds):
            for load in plan.loads:
                for program in programs:
                    cost = await callers.measure(program.name, load, program.pid, asterisk.pid)
                    at_once = f"{load.at_once} at a time"
                    bench.note(f"calls/s, {at_once}", program.name, cost.calls / cost.wall)
                    cpu = cost.cpu / cost.calls * 1000
                    bench.note(f"CPU ms per call, {at_once}", program.name, cpu)
                    bench.note(f"{FAILED}, {at_once}", program.name, cost.failed)


def read_memory(pid: int) -> int:
    """Return a process's resident memory in KiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0])


@asynccontextmanager
async def open_replay(recording: Path, folder: Path) -> AsyncGenerator[Replay]:
    """Run the server that replays a recording."""
    port = choose_port(SOCK_STREAM)
    command = (str(FOLDER / "replay_server.py"), str(port), str(recording))
    async with (
        running("replay", command, {}, folder / "replay") as program,
        aiohttp.ClientSession() as session,
    ):
        async with asyncio.timeout(START_LIMIT):
            while not await listens(port):
                await program.check()
                await asyncio.sleep(0.1)
        yield Replay(session, port)
