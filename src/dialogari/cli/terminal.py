"""What all commands of the terminal share: settings, running, and how they end.

Exit codes: 0 done, 1 the thing asked for failed, 2 wrong usage or configuration.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING, TypeVar

import typer
from rich.console import Console

from dialogari.config import ConfigError, load_settings

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path
    from typing import NoReturn

    from dialogari.config import Settings

Result = TypeVar("Result")

FAILED = 1
WRONG = 2
SIGNALLED = 128
"""Plus the signal's number: what a shell says of a command ended by it."""

out = Console(highlight=False, markup=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def read_settings() -> Settings:
    """Return the settings, or end the command with a line for each that is wrong."""
    try:
        return load_settings()
    except ConfigError as error:
        fail(str(error), WRONG)


def read_text(text: str | None, file: Path | None) -> str:
    """Return the text given, or that of the file, or what comes on standard input."""
    if text is not None and file is not None:
        fail("give the text or --file, not both", WRONG)
    if text is not None:
        return text
    try:
        return sys.stdin.read() if file is None else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file or 'standard input'}: {error}", WRONG)


def run_command(work: Coroutine[object, object, Result]) -> Result:
    """Run a command; what an operator can mend becomes a line, the rest a traceback."""
    try:
        return asyncio.run(_until_terminated(work))
    except KeyboardInterrupt:
        raise typer.Exit(SIGNALLED + signal.SIGINT) from None
    except asyncio.CancelledError:
        raise typer.Exit(SIGNALLED + signal.SIGTERM) from None
    except Exception as error:  # the boundary of the process
        from dialogari.app.complaint import complain  # noqa: PLC0415 - it imports every part

        complaint = complain(error)
        if complaint is None:
            raise
        fail(complaint.text, WRONG if complaint.misconfigured else FAILED)


def fail(message: str, code: int) -> NoReturn:
    """End the command with a message and an exit code."""
    err.print(message)
    raise typer.Exit(code)


async def _until_terminated(work: Coroutine[object, object, Result]) -> Result:
    """Let SIGTERM cancel the work, so that it cleans up after itself."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work
