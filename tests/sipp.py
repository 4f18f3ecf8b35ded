"""Runs sipp, which places real SIP calls, where it is installed."""

from __future__ import annotations

import asyncio
import shutil
import socket
from typing import TYPE_CHECKING

import pytest

from dialogari.sandbox.ports import choose_port
from processes import Ended

if TYPE_CHECKING:
    from pathlib import Path


def require_sipp() -> str:
    """Return the program's path, or skip the test."""
    if program := shutil.which("sipp"):
        return program
    pytest.skip("NOT TESTED OVER SIP: sipp is not installed (Debian: sip-tester)")


async def run_sipp(scenario: Path, port: int, folder: Path, *options: str) -> Ended:
    """Run a scenario against 127.0.0.1:`port`; exit code 0: every call went as it says."""
    program = require_sipp()
    local = ("-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(choose_port(socket.SOCK_DGRAM)))
    media = ("-mp", str(choose_port(socket.SOCK_DGRAM)))
    limits = ("-timeout", "40s", "-timeout_error", "-nostdin", "-trace_err")
    process = await asyncio.create_subprocess_exec(
        program, f"127.0.0.1:{port}", "-sf", str(scenario), *local, *media, *limits, *options,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(50):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(process.returncode or 0, out.decode(), err.decode() + _read_errors(folder))


def _read_errors(folder: Path) -> str:
    return "".join(path.read_text("utf-8", "replace") for path in folder.glob("*_errors.log"))
