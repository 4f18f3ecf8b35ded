"""The commands `dialogari mcp …`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import Annotated

import typer
from rich.table import Table

from dialogari.app.mcp import list_tools, open_servers, read_server, try_tool, write_server
from dialogari.cli.terminal import FAILED, fail, out, read_settings, read_text, run_command
from dialogari.cli.tools import read_arguments
from dialogari.telemetry import configure_logs
from dialogari.tool import ToolStatus

mcp = typer.Typer(
    help="The MCP servers whose tools models may use: list, show, set, delete, try.",
    no_args_is_help=True,
)


@mcp.command("list")
def list_servers() -> None:
    """List the servers."""

    async def work() -> None:
        async with open_servers(read_settings()) as store:
            table = Table("name", "version", "program or address", "changed", box=None)
            for server in await store.list_all():
                changed = f"{server.updated:%Y-%m-%d %H:%M}" if server.updated else ""
                place = server.command or server.url
                table.add_row(server.name, str(server.version), place, changed)
            out.print(table)

    run_command(work())


@mcp.command("show")
def show_server(name: str) -> None:
    """Print a server as the JSON that `set` takes; its secrets are hidden, and `set` keeps them."""

    async def work() -> None:
        async with open_servers(read_settings()) as store:
            out.print(write_server(await store.show(name)))

    run_command(work())


@mcp.command("set")
def set_server(
    file: Annotated[
        Path | None, typer.Argument(help="A JSON file; or standard input.", show_default=False)
    ] = None,
) -> None:
    """Store a server, in place of the one of its name; it counts from the next turn on."""

    async def work() -> None:
        server = read_server(read_text(None, file))
        async with open_servers(read_settings()) as store:
            stored = await store.put(server)
            out.print(f"{stored.name}: version {stored.version}")

    run_command(work())


@mcp.command("delete")
def delete_server(name: str) -> None:
    """Delete a server; prompts that name its tools go on without."""

    async def work() -> None:
        async with open_servers(read_settings()) as store:
            await store.delete(name)

    run_command(work())


@mcp.command("try")
def try_server(
    name: str,
    tool: Annotated[
        str | None, typer.Argument(help="A tool; without it, all are listed.", show_default=False)
    ] = None,
    arguments: Annotated[str, typer.Argument(help='As JSON: \'{"day": "Monday"}\'.')] = "{}",
) -> None:
    """Connect to a server and list its tools, or call one as a model would."""
    settings = read_settings()
    configure_logs("ERROR", settings.log_format)  # what is to say is said below
    if tool is None:
        for found, description in run_command(list_tools(settings, name)):
            out.print(f"{name}/{found}: {description.partition(chr(10))[0]}")
        return
    call = run_command(try_tool(settings, name, tool, read_arguments(arguments)))
    if call.status is not ToolStatus.OK:
        fail(f"{call.reason}: {call.result}", FAILED)
    out.print(call.result)
