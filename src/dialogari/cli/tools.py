"""The commands `dialogari tool …`."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import Annotated, Any, cast

import typer
from rich.table import Table

from dialogari.app.mcp import relock
from dialogari.app.tools import open_tools, read_tool, try_tool, write_tool
from dialogari.cli.terminal import FAILED, WRONG, fail, out, read_settings, read_text, run_command
from dialogari.telemetry import configure_logs
from dialogari.tool import ToolStatus

tools = typer.Typer(
    help="The tools that models may use: list, show, set, delete, try.", no_args_is_help=True
)


@tools.command("list")
def list_tools() -> None:
    """List the tools."""

    async def work() -> None:
        async with open_tools(read_settings()) as store:
            table = Table("name", "version", "method", "url", "changed", box=None)
            for tool in await store.list_all():
                changed = f"{tool.updated:%Y-%m-%d %H:%M}" if tool.updated else ""
                table.add_row(tool.name, str(tool.version), tool.method, tool.url, changed)
            out.print(table)

    run_command(work())


@tools.command("show")
def show_tool(name: str) -> None:
    """Print a tool as the JSON that `set` takes; its secrets are hidden, and `set` keeps them."""

    async def work() -> None:
        async with open_tools(read_settings()) as store:
            out.print(write_tool(await store.show(name)))

    run_command(work())


@tools.command("set")
def set_tool(
    file: Annotated[
        Path | None, typer.Argument(help="A JSON file; or standard input.", show_default=False)
    ] = None,
) -> None:
    """Store a tool, in place of the one of its name; it counts from the next turn on."""

    async def work() -> None:
        tool = read_tool(read_text(None, file))
        async with open_tools(read_settings()) as store:
            stored = await store.put(tool)
            out.print(f"{stored.name}: version {stored.version}")

    run_command(work())


@tools.command("delete")
def delete_tool(name: str) -> None:
    """Delete a tool; prompts that name it go on without."""

    async def work() -> None:
        async with open_tools(read_settings()) as store:
            await store.delete(name)

    run_command(work())


@tools.command("try")
def try_out_tool(
    name: str,
    arguments: Annotated[str, typer.Argument(help='As JSON: \'{"day": "Monday"}\'.')] = "{}",
) -> None:
    """Call a tool as a model would, and print what the model would be told."""
    settings = read_settings()
    configure_logs("ERROR", settings.log_format)  # what is to say is said below
    call = run_command(try_tool(settings, name, read_arguments(arguments)))
    if call.status is not ToolStatus.OK:
        fail(f"{call.reason}: {call.result}", FAILED)
    out.print(call.result)


@tools.command("relock")
def relock_secrets() -> None:
    """Lock all secrets with the first key of SECRET_KEY, so that the others can be dropped."""
    out.print(f"secrets locked again: {run_command(relock(read_settings()))}")


def read_arguments(text: str) -> dict[str, Any]:
    """Return the arguments of a tool as typed; ends the command where they are none."""
    try:
        found: object = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        fail('the arguments are written as a JSON object, such as \'{"day": "Monday"}\'', WRONG)
    return cast("dict[str, Any]", found)
