"""The commands `dialogari caller …`."""

from __future__ import annotations

import typer

from dialogari.app.callers import forget_caller
from dialogari.cli.terminal import out, read_settings, run_command

callers = typer.Typer(help="Callers who are known again: forget.", no_args_is_help=True)


@callers.callback()
def _group() -> None:
    """Callers who are known again by AI_CALLER."""


@callers.command("forget")
def forget(key: str) -> None:
    """Delete all conversations of the caller with this AI_CALLER, with all that was said."""
    out.print(f"conversations deleted: {run_command(forget_caller(read_settings(), key))}")
