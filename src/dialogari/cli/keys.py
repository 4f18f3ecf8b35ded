"""The commands `dialogari key …`."""

from __future__ import annotations

import typer
from rich.table import Table

from dialogari.app.keys import open_keys
from dialogari.cli.terminal import err, out, read_settings, run_command

keys = typer.Typer(help="The keys of the REST API: new, list, revoke.", no_args_is_help=True)


@keys.command("new")
def make_key(name: str) -> None:
    """Make a key and print it; it is shown this once, and kept as a digest alone."""

    async def work() -> None:
        async with open_keys(read_settings()) as store:
            out.print(await store.make_key(name))
            err.print("Keep it: it can't be shown again.")

    run_command(work())


@keys.command("list")
def list_keys() -> None:
    """List the names of the keys."""

    async def work() -> None:
        async with open_keys(read_settings()) as store:
            table = Table("name", "made", box=None)
            for key in await store.list_keys():
                table.add_row(key.name, f"{key.created:%Y-%m-%d %H:%M}")
            out.print(table)

    run_command(work())


@keys.command("revoke")
def revoke_key(name: str) -> None:
    """Revoke a key; a running bridge refuses it from the next request on."""

    async def work() -> None:
        async with open_keys(read_settings()) as store:
            await store.revoke_key(name)

    run_command(work())
