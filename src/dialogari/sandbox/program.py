"""Run a program to its end, tell how its files grow meanwhile, and give up when they don't."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_STALLED = 120.0
"""Seconds without a new byte after which a program is given up."""
_TICK = 0.1


class ProgramError(Exception):
    """A program failed; the text is what it complained of, in English."""


def run_program(
    command: Sequence[str],
    environment: dict[str, str] | None = None,
    watch: Path | None = None,
    report: Callable[[int], None] | None = None,
) -> str:
    """Run a program of apt or dpkg to its end and return what it printed.

    Raises:
        ProgramError: it failed, or the files below `watch` did not grow for too long.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(  # noqa: S603  fixed program names and our own arguments
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env={**os.environ, "LC_ALL": "C", **(environment or {})},
        )
        try:
            _follow(process, watch, report)
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            complaints = [line for line in errors.read().splitlines() if line.startswith("E:")]
            raise ProgramError(
                " ".join(complaints) or f"{command[0]} ended with {process.returncode}"
            )
        return output.read()


def _follow(
    process: subprocess.Popen[bytes], watch: Path | None, report: Callable[[int], None] | None
) -> None:
    seen, moved = 0, time.monotonic()
    while process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_TICK)
        size = _measure(watch) if watch else 0
        if size != seen:
            seen, moved = size, time.monotonic()
            if report:
                report(size)
        if time.monotonic() - moved > _STALLED:
            raise ProgramError(f"E: timed out: nothing moved for {_STALLED:.0f} seconds")


def _measure(folder: Path) -> int:
    """Return the bytes of the files below a folder whose files come and go meanwhile."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with suppress(FileNotFoundError):
                total += Path(place, name).stat().st_size
    return total
