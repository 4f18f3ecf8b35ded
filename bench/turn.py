"""What the bridge costs a call, beside a bare client doing the least of the same in the same run.

    python bench/turn.py [--rounds 3] [--quick]

One real Asterisk, a model that answers at once, and three programs, each a process of its own, that
take their turns at the calls, 1, 10 and 100 at a time:

    bridge   `dialogari serve`, with a new database
    bare     `bare_client.py`: the same words, model and variables, and nothing beside
    floor    `bare_client.py` without a model and with one variable: Asterisk and the link

This process places the calls, whose cost counts for nobody, and takes the time (`callers.py`).
What is worth comparing are the ratios: they come from the same minutes of the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import SOCK_STREAM
from typing import TYPE_CHECKING

from bare_client import Pbx
from callers import DIALPLAN, Cost, Load, open_callers

from dialogari.sandbox.asterisk import Asterisk
from dialogari.sandbox.errors import SandboxError
from dialogari.sandbox.fetch import default_cache, find_asterisk
from dialogari.sandbox.guarded import GuardedProcess
from dialogari.sandbox.ports import choose_port

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from callers import Callers

    Costs = Mapping[tuple[str, Load], Sequence[Cost]]
    """What each program took in each round of a load."""

FOLDER = Path(__file__).parent
BRIDGE, BARE, FLOOR = "bridge", "bare", "floor"
PROGRAMS = (BRIDGE, BARE, FLOOR)
FULL = (Load(1, 100), Load(10, 300), Load(100, 600))
QUICK = (Load(1, 5), Load(10, 20), Load(100, 100))
WARM_UP = Load(10, 30)
START_LIMIT = 40.0
RUN_LIMIT = 300.0

FIGURES: Mapping[str, Callable[[Cost], float]] = {
    "CPU ms per call": lambda cost: cost.cpu / cost.calls * 1000,
    "p50 ms": lambda cost: cost.wait(50) * 1000,
    "p90 ms": lambda cost: cost.wait(90) * 1000,
    "p99 ms": lambda cost: cost.wait(99) * 1000,
    "calls/s": lambda cost: cost.calls / cost.wall,
    "Asterisk CPU ms": lambda cost: cost.pbx_cpu / cost.calls * 1000,
}


@dataclass(frozen=True, slots=True)
class Program:
    """A process that ends when we do."""

    name: str
    pid: int
    process: GuardedProcess
    log: Path

    async def check(self) -> None:
        """Raise RuntimeError with the end of its log if it has ended."""
        code = await asyncio.to_thread(self.process.exit_code)
        if code is not None:
            log = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"{self.name} ended with exit code {code}\n{log}")


@asynccontextmanager
async def running(
    name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path
) -> AsyncGenerator[Program]:
    """Run a command of this interpreter in a folder of its own, its output in a file there."""
    (folder / "log").mkdir(parents=True)
    whole = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), **environment}
    process = GuardedProcess([sys.executable, *command], folder, whole, remove=True)
    try:
        pid = await asyncio.to_thread(process.start)
        yield Program(name, pid, process, folder / "log/console")
    finally:
        await asyncio.to_thread(process.close)


@asynccontextmanager
async def running_model(folder: Path, pace: float = 0.0, sentences: int = 5) -> AsyncGenerator[str]:
    """Run the instant model, or a slow one; yields its base URL once it listens."""
    port = choose_port(SOCK_STREAM)
    command = (str(FOLDER / "instant_model.py"), str(port), str(pace), str(sentences))
    async with running("instant model", command, {}, folder) as program:
        async with asyncio.timeout(START_LIMIT):
            while not await listens(port):
                await program.check()
                await asyncio.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1"


async def listens(port: int) -> bool:
    """Return whether somebody listens on a port of this machine."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def described(name: str, pbx: Pbx, model: str) -> tuple[Sequence[str], Mapping[str, str]]:
    """Return command and environment of a program under test."""
    environment = {
        "ASTERISK_ARI_URL": pbx.url,
        "ASTERISK_ARI_USERNAME": pbx.username,
        "ASTERISK_ARI_PASSWORD": pbx.password,
        "ASTERISK_APP_NAME": name,
    }
    if name != FLOOR:
        environment["OPENAI_BASE_URL"] = model
    if name != BRIDGE:
        return (str(FOLDER / "bare_client.py"),), environment
    environment["OPENAI_MODEL_NAME"] = "instant"
    environment["DIALOGARI_STATE_DIR"] = "state"
    environment["WEB_PORT"] = str(choose_port(SOCK_STREAM))
    return ("-c", "from dialogari.cli import main; main()", "serve"), environment


async def run(loads: Sequence[Load], rounds: int, folder: Path) -> Costs:
    """Start everything, let the programs take turns, and return what they took."""
    costs: dict[tuple[str, Load], list[Cost]] = {(p, load): [] for load in loads for p in PROGRAMS}
    installation = await asyncio.to_thread(find_asterisk, default_cache())
    async with AsyncExitStack() as stack:
        asterisk = await stack.enter_async_context(Asterisk(installation, dialplan=DIALPLAN))
        pbx = Pbx(asterisk.url, asterisk.username, asterisk.password)
        model = await stack.enter_async_context(running_model(folder / "model"))
        callers = await stack.enter_async_context(open_callers(pbx))
        pids: dict[str, int] = {}
        for name in PROGRAMS:
            command, environment = described(name, pbx, model)
            starting = running(name, command, environment, folder / name)
            program = await stack.enter_async_context(starting)
            await warm_up(callers, program, asterisk.pid)
            pids[name] = program.pid
        for _ in range(rounds):
            for (name, load), measured in costs.items():
                measured.append(await callers.measure(name, load, pids[name], asterisk.pid))
    return costs


async def warm_up(callers: Callers, program: Program, pbx_pid: int) -> None:
    """Call until the program answers, and then some more."""
    async with asyncio.timeout(START_LIMIT):
        while await callers.place(program.name) is None:
            await program.check()
            await asyncio.sleep(0.1)
    await callers.measure(program.name, WARM_UP, program.pid, pbx_pid)


def render(costs: Costs) -> str:
    """Return the tables: ratios first, then what they are made of."""
    loads = list(dict.fromkeys(load for _, load in costs))
    heads = "".join(f"{f'{load.at_once} at a time':>22}" for load in loads)
    lines = [f"{'bridge / bare client':16}{heads[4:]}"]
    for title, figure in FIGURES.items():
        cells = (_ratio(figure, costs[BRIDGE, load], costs[BARE, load]) for load in loads)
        lines.append(f"{title:16}" + "".join(f"{cell:>22}" for cell in cells))
    lines.append("")
    lines.append(f"{'':24}" + "".join(f"{title:>17}" for title in FIGURES) + f"{'failed':>10}")
    for (name, load), rounds in costs.items():
        values = (statistics.median(map(figure, rounds)) for figure in FIGURES.values())
        row = "".join(f"{value:17.2f}" for value in values)
        failed = f"{sum(c.failed for c in rounds)}/{sum(c.calls for c in rounds)}"
        lines.append(f"{f'{load.at_once} at a time':16}{name:8}{row}{failed:>10}")
    return "\n".join(lines)


def _ratio(figure: Callable[[Cost], float], ours: Sequence[Cost], bare: Sequence[Cost]) -> str:
    ratios = [figure(a) / figure(b) for a, b in zip(ours, bare, strict=True)]
    median = f"{statistics.median(ratios):.2f}x"
    return median if len(ratios) == 1 else f"{median} ({min(ratios):.2f}-{max(ratios):.2f})"


async def _bounded(loads: Sequence[Load], rounds: int) -> Costs:
    with tempfile.TemporaryDirectory(prefix="dialogari-bench-") as folder:
        async with asyncio.timeout(RUN_LIMIT):
            return await run(loads, rounds, Path(folder))


def main() -> None:
    """Run and print the tables."""
    parser = argparse.ArgumentParser(description="What the bridge costs a call.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a few calls: does it still run?")
    wanted = parser.parse_args()
    loads, rounds = (QUICK, 1) if wanted.quick else (FULL, wanted.rounds)
    try:
        costs = asyncio.run(_bounded(loads, rounds))
    except SandboxError as error:
        sys.exit(str(error))
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    sys.stdout.write(f"{machine}, medians of {rounds} rounds\n\n{render(costs)}\n")


if __name__ == "__main__":
    main()
