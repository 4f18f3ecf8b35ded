"""The benchmarks still run; how they read is in bench/README.md and in bench/store.py."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dialogari.sandbox.installation import Installation
    from postgresql_server import PostgresqlServer

FOLDER = Path(__file__).parents[1] / "bench"
BENCH = FOLDER / "turn.py"
SAID = ("first sentence", "last word")
FIGURES = ("CPU ms per call", "p50 ms", "p90 ms", "p99 ms", "calls/s", "Asterisk CPU ms")


ARI_FIGURES = (
    "events per CPU-second",
    "KiB per parked call",
    *(f"{what}, {n} at a time" for what in ("calls/s", "CPU ms per call") for n in (1, 10)),
)


AGENT_FIGURES = (
    "answer",
    "answer after a tool",
    *(f"{kind}: {what}" for kind in ("in pieces", "tool, pieces") for what in SAID),
    "answer, all at once",
)


@pytest.mark.timeout(150)
def test_bench_turn_prints_its_ratios(asterisk_installation: Installation) -> None:
    """All calls of all three programs are answered, and each figure has a ratio for each load."""
    assert asterisk_installation
    done = subprocess.run(  # noqa: S603 - this interpreter and a file of ours
        [sys.executable, str(BENCH), "--quick"],
        capture_output=True,
        text=True,
        timeout=140,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for figure in FIGURES:
        line = re.search(rf"^{figure} (.*)$", done.stdout, re.MULTILINE)
        assert line, done.stdout
        ratios = [float(cell.removesuffix("x")) for cell in line[1].split()]
        assert len(ratios) == 3
        assert min(ratios) > 0
    assert re.findall(r" (\d+)/\d+$", done.stdout, re.MULTILINE) == ["0"] * 9, done.stdout


@pytest.mark.timeout(90)
def test_bench_pieces_prints_its_ratios(asterisk_installation: Installation) -> None:
    """The first sentence comes before the whole answer, however many ask at a time."""
    assert asterisk_installation
    done = subprocess.run(  # noqa: S603 - this interpreter and a file of ours
        [sys.executable, str(FOLDER / "pieces.py"), "--quick"],
        capture_output=True,
        text=True,
        timeout=80,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    line = re.search(r"^whole / pieces(.*)$", done.stdout, re.MULTILINE)
    assert line, done.stdout
    ratios = [float(ratio) for ratio in re.findall(r"([\d.]+) \(", line[1])]
    assert len(ratios) == 3
    assert min(ratios) > 1


@pytest.mark.timeout(90)
def test_bench_agent_prints_what_it_adds() -> None:
    """Turns, tools and pieces are all answered, both ways, and each has what ours adds."""
    options = ("--turns", "5", "--seconds", "0.1", "--rounds", "1")
    done = subprocess.run(  # noqa: S603 - this interpreter and a file of ours
        [sys.executable, str(FOLDER / "agent.py"), *options],
        capture_output=True,
        text=True,
        timeout=80,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for timed in AGENT_FIGURES:
        line = re.search(
            rf"^{timed} +(-?[\d.]+) +(-?[\d.]+) +([\d.]+)x$", done.stdout, re.MULTILINE
        )
        assert line, done.stdout
        assert float(line[3]) > 1
        for way in ("raw", "ours"):
            assert re.search(rf"^{timed} +{way}( +[\d.]+){{4}}$", done.stdout, re.MULTILINE)


@pytest.mark.timeout(90)
def test_bench_agent_fails_where_a_turn_does() -> None:
    """A turn that is not answered in full is no measurement: here the model is not fast enough."""
    deadlines = {"FIRST_TOKEN_DEADLINE": "0.5", "TURN_DEADLINE": "1"}
    done = subprocess.run(  # noqa: S603 - this interpreter and a file of ours
        [sys.executable, str(FOLDER / "agent.py"), "--turns", "1", "--seconds", "2"],
        env={**os.environ, **deadlines},
        capture_output=True,
        text=True,
        timeout=80,
        check=False,
    )
    assert done.returncode != 0
    assert "not answered as it should be" in done.stderr


@pytest.mark.timeout(90)
def test_bench_stream_prints_its_ratios() -> None:
    """Each way to ask a model has its CPU and its first token, one and a hundred at a time."""
    done = subprocess.run(  # noqa: S603 - this interpreter and a file of ours
        [sys.executable, str(FOLDER / "stream.py"), "--quick"],
        capture_output=True,
        text=True,
        timeout=80,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for way in ("stock", "ours", "agent"):
        line = re.search(rf"^{way} (.*)$", done.stdout, re.MULTILINE)
        assert line, done.stdout
        assert len([float(cell.removesuffix("x")) for cell in line[1].split()]) == 2
    assert len(re.findall(r"^\d+ at a time  ", done.stdout, re.MULTILINE)) == 8, done.stdout


def test_bench_store_prints_both_databases(postgresql: PostgresqlServer) -> None:
    """Every way of both databases takes its turns and has its figures."""
    done = subprocess.run(  # noqa: S603 - this interpreter and a file of ours
        [
            *(sys.executable, str(FOLDER / "store.py"), "--turns", "40"),
            *("--rounds", "1", "--postgresql", postgresql.url()),
        ],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"turns/s +\d+ us CPU +[\d.]+x$", done.stdout, re.MULTILINE)) == 10


@pytest.mark.timeout(170)
def test_bench_ari_prints_its_ratios(asterisk_installation: Installation) -> None:
    """Every client that is installed hears every event and answers every call."""
    assert asterisk_installation
    done = subprocess.run(  # noqa: S603 - this interpreter and a file of ours
        [sys.executable, str(FOLDER / "ari.py"), "--quick", "--profile"],
        capture_output=True,
        text=True,
        timeout=160,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    missing = re.findall(r"^NOT COMPARED with (\w+)", done.stdout, re.MULTILINE)
    clients = 2 + sum(name not in missing for name in ("asyncari", "ariclient"))
    for figure in ARI_FIGURES:
        values, ratios = re.findall(rf"^{figure} +(\d.*)$", done.stdout, re.MULTILINE)[::-1]
        assert len(re.findall(r"\d+x", ratios)) >= clients - 1, done.stdout
        assert len(re.findall(r"[\d.e+]+(?: |$)", values)) >= clients, done.stdout
    for failed in re.findall(r"^calls failed, .* at a time +(\d.*)$", done.stdout, re.MULTILINE):
        assert set(failed.split()) <= {"0", "-"}, done.stdout
    assert re.search(r"^msgspec: decode( +-?[\d.]+){3}$", done.stdout, re.MULTILINE), done.stdout
    if missing:
        pytest.skip(f"NOT COMPARED with {missing}: `uv sync --inexact --group bench` installs them")
