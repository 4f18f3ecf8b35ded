"""Nothing is left behind: the guard, and what it guards, when one of them is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dialogari.sandbox.asterisk import Asterisk
from dialogari.sandbox.errors import StartError
from dialogari.sandbox.guarded import GuardedProcess

if TYPE_CHECKING:
    from dialogari.sandbox.fetch import Installation

PARENT = """
import asyncio, sys
from dialogari.sandbox.asterisk import Asterisk
from dialogari.sandbox.fetch import default_cache, find_asterisk

async def main():
    dialplan = "[main]\\nexten => s,1,System(sleep 321 & echo $! > ${AST_PID_FILE})\\n"
    async with Asterisk(find_asterisk(default_cache()), dialplan=dialplan) as asterisk:
        pid_file = asterisk.folder / "child"
        await asterisk.run_cli(f"dialplan set global AST_PID_FILE {pid_file}")
        await asterisk.run_cli("channel originate Local/s@main application NoOp")
        while not (pid_file.exists() and pid_file.read_text().strip()):
            await asyncio.sleep(0.02)
        print(asterisk.pid, pid_file.read_text().strip(), asterisk.folder, flush=True)
        await asyncio.sleep(50)

asyncio.run(main())
"""


def _is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _exists(folder: Path) -> bool:
    return folder.exists()


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


async def _wait_until_gone(*pids: int) -> None:
    for _ in range(500):
        if not any(_is_alive(pid) for pid in pids):
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(f"still there: {[pid for pid in pids if _is_alive(pid)]}")


@pytest.mark.usefixtures("asterisk_installation")
async def test_nothing_outlives_a_parent_that_is_killed() -> None:
    """After SIGKILL of the parent no Asterisk, no child of it, no guard and no folder are left."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    async with asyncio.timeout(30):
        first, second, name = (await parent.stdout.readline()).decode().split()
    asterisk, child, folder = int(first), int(second), Path(name)
    guard = _parent_of(asterisk)
    assert _is_alive(child)
    assert _exists(folder)
    parent.kill()
    await parent.wait()
    await _wait_until_gone(asterisk, child, guard)
    assert not _exists(folder)


async def test_asterisk_does_not_outlive_its_guard(asterisk_installation: Installation) -> None:
    """A guard that is killed takes Asterisk along; the parent is told, and removes the folder."""
    asterisk = Asterisk(asterisk_installation)
    async with asterisk:
        pid = asterisk.pid
        os.kill(_parent_of(pid), signal.SIGKILL)
        await _wait_until_gone(pid)
        with pytest.raises(StartError, match="guard"):
            await asterisk.restart()
    assert not asterisk.folder.exists()


def _guarded(folder: Path, script: str, *, remove: bool = False) -> GuardedProcess:
    (folder / "log").mkdir(parents=True)
    command = ["/bin/sh", "-c", script]
    return GuardedProcess(command, folder, dict(os.environ), remove=remove)


def test_a_process_that_ignores_the_wish_to_end_is_killed(tmp_path: Path) -> None:
    """SIGTERM is given some seconds, then comes SIGKILL."""
    process = _guarded(tmp_path / "box", "trap '' TERM; while :; do sleep 0.1; done")
    pid = process.start()
    time.sleep(0.2)  # until the trap is set
    assert process.stop() == -signal.SIGKILL
    assert not _is_alive(pid)
    process.close()


def test_an_exit_code_is_told_and_the_next_start_works(tmp_path: Path) -> None:
    """The parent can see that and how the process ended, and start another."""
    process = _guarded(tmp_path / "box", "echo said; exit 7")
    for _ in range(2):
        process.start()
        deadline = time.monotonic() + 5
        while (code := process.exit_code()) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert code == 7
    process.close()
    assert (tmp_path / "box/log/console").read_text() == "said\nsaid\n"


def test_closing_ends_all_and_may_be_repeated(tmp_path: Path) -> None:
    """Closing ends the process and removes the folder; afterwards nothing can be asked."""
    process = _guarded(tmp_path / "box", "sleep 321", remove=True)
    pid = process.start()
    process.close()
    process.close()
    assert not _is_alive(pid)
    assert not (tmp_path / "box").exists()
    with pytest.raises(StartError, match="closed"):
        process.start()


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A program that can't be run is an error that names it."""
    (tmp_path / "log").mkdir()
    process = GuardedProcess(["/no/such/program"], tmp_path, {}, remove=False)
    with pytest.raises(StartError, match="/no/such/program"):
        process.start()
    process.close()
