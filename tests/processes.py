"""Runs the command line as a process, with nothing but the settings a test gives it."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from model_stub import SECRET, ModelStub

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Running:
    """A command at work."""

    process: asyncio.subprocess.Process

    async def read_until(self, text: str, limit: float = 40.0) -> str:
        """Return what it prints up to the line with this text."""
        assert self.process.stdout is not None
        lines: list[str] = []
        async with asyncio.timeout(limit):
            while not lines or text not in lines[-1]:
                line = await self.process.stdout.readline()
                assert line, f"ended before {text!r}: {''.join(lines)}"
                lines.append(line.decode())
        return "".join(lines)


@asynccontextmanager
async def open_process(
    folder: Path, *arguments: str, **environment: str
) -> AsyncGenerator[Running]:
    """Run `dialogari` with nothing but these settings; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "dialogari",
        *arguments,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run(folder: Path, *arguments: str, stdin: str = "", **environment: str) -> Ended:
    """Run `dialogari` to its end with nothing but these settings."""
    async with open_process(folder, *arguments, **environment) as running, asyncio.timeout(40):
        out, err = await running.process.communicate(stdin.encode())
    return Ended(running.process.returncode or 0, out.decode(), err.decode())


def openai(stub: ModelStub) -> dict[str, str]:
    """Return the settings that point the provider openai at a stub."""
    return {
        "OPENAI_API_KEY": SECRET,
        "OPENAI_BASE_URL": stub.url,
        "OPENAI_MODEL_NAME": "stub",
    }
