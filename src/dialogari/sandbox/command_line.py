"""One command for a running Asterisk, given by Asterisk's own client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dialogari.sandbox.errors import NotRunningError

if TYPE_CHECKING:
    from collections.abc import Sequence

_LIMIT = 30.0
"""Seconds for an answer; `core waitfullybooted` may take as long as a start."""


async def run_command(client: Sequence[str], environment: dict[str, str]) -> str:
    """Run `client`, the program and its arguments, and return what Asterisk answered.

    Raises:
        NotRunningError: no Asterisk answers it.
    """
    process = await asyncio.create_subprocess_exec(
        *client,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )
    try:
        async with asyncio.timeout(_LIMIT):
            output, _ = await process.communicate()
    except TimeoutError as error:
        raise NotRunningError(
            f"Asterisk did not answer {client[-1]!r} in {_LIMIT:.0f} s"
        ) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = output.decode(errors="replace")
    if process.returncode != 0:
        raise NotRunningError(f"Asterisk is not there to take a command: {text.strip()}")
    return text
