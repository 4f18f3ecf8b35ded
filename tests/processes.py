"""Runs the command line as a process, with nothing but the settings a test gives it."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from model_stub import SECRET, ModelStub

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left."""

    code: int
    out: str
    err: str


async def run(folder: Path, *arguments: str, stdin: str = "", **environment: str) -> Ended:
    """Run `dialogari` with nothing but these settings."""
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
        async with asyncio.timeout(40):
            out, err = await process.communicate(stdin.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(process.returncode or 0, out.decode(), err.decode())


def openai(stub: ModelStub) -> dict[str, str]:
    """Return the settings that point the provider openai at a stub."""
    return {
        "OPENAI_API_KEY": SECRET,
        "OPENAI_BASE_URL": stub.url,
        "OPENAI_MODEL_NAME": "stub",
    }
