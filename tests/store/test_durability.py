"""What `append` confirmed outlives the process."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from store.behind import Behind, SqliteBehind

_KILLS = 6


def _run_and_kill(url: str, seconds: float) -> set[str]:
    """Return what a process confirmed in the time between its first turn and its death."""
    here = Path(__file__).parent
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, here / "append_until_killed.py", url],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(here.parent)},
    ) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(seconds)
        finally:
            process.kill()
        # A line without its end is one the process was still writing.
        return {line for line in (first, *process.stdout) if line.endswith("\n")}


def test_every_confirmed_turn_outlives_a_kill(url: str, behind: Behind) -> None:
    """Killed at any moment, again and again, the process has lost no turn it had confirmed."""
    confirmed: set[str] = set()
    moments = random.Random(20261122)  # noqa: S311 - no secret
    for _ in range(_KILLS):
        run = _run_and_kill(url, moments.uniform(0, 0.4))
        assert run.isdisjoint(confirmed)
        confirmed |= run

    rows = behind.query(
        "SELECT uniqueid, number, answer FROM turns"
        " JOIN conversations ON conversations.id = conversation_id"
    )
    stored = {f"{call} {number}\n": str(answer) for call, number, answer in rows}
    assert len(confirmed) > _KILLS
    assert confirmed <= stored.keys()
    assert all(answer.startswith(line.rstrip()) for line, answer in stored.items())
    # Numbers without a gap: nothing in the middle is missing either.
    gaps = "SELECT conversation_id FROM turns GROUP BY 1 HAVING max(number) <> count(*)"
    assert behind.query(gaps) == []
    if isinstance(behind, SqliteBehind):
        assert behind.query("PRAGMA integrity_check") == [("ok",)]
