"""The commands `dialogari prompt …`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import Annotated

import typer
from rich.table import Table

from dialogari.app.prompts import open_prompts
from dialogari.cli.terminal import FAILED, fail, out, read_settings, read_text, run_command
from dialogari.turn import Prompt

prompts = typer.Typer(help="The prompts: list, show, set, delete.", no_args_is_help=True)


@prompts.command("list")
def list_prompts() -> None:
    """List the prompts."""

    async def work() -> None:
        async with open_prompts(read_settings()) as store:
            table = Table("name", "version", "model", "changed", box=None)
            for prompt in await store.list_prompts():
                changed = f"{prompt.created:%Y-%m-%d %H:%M}" if prompt.created else ""
                table.add_row(prompt.name, str(prompt.version), prompt.model or "", changed)
            out.print(table)

    run_command(work())


@prompts.command("show")
def show_prompt(name: str) -> None:
    """Print a prompt: what it sets, line by line, and below that its text."""

    async def work() -> None:
        async with open_prompts(read_settings()) as store:
            prompt = await store.find_prompt(name)
            if prompt is None:
                fail(f"no prompt is named {name!r}; `dialogari prompt list` shows them", FAILED)
            out.print(_describe(prompt))

    run_command(work())


@prompts.command("set")
def set_prompt(  # noqa: PLR0913, PLR0917 - each is an option of the command
    name: str,
    text: Annotated[
        str | None, typer.Argument(help="The text; or --file, or standard input.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="Read the text from this file.")] = None,
    model: Annotated[str | None, typer.Option(help="Model for this prompt, as AI_MODEL.")] = None,
    fallback: Annotated[str | None, typer.Option(help="What to say when a turn fails.")] = None,
    tool: Annotated[
        list[str] | None, typer.Option(help="A tool its model may use; repeatable.")
    ] = None,
    action: Annotated[
        list[str] | None,
        typer.Option(help="hang_up, send_to_voicemail or set_fact; repeatable."),
    ] = None,
    transfer: Annotated[
        list[str] | None,
        typer.Option(help="A target its model may transfer calls to; repeatable."),
    ] = None,
    tool_phrase: Annotated[
        str | None,
        typer.Option(help="Said while a slow tool runs, in answers in pieces: One moment, please."),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="A tag such as es-MX: how numbers and signs are said.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="Why this edit is made, for people.")] = None,
) -> None:
    """Make a new version of a prompt, which counts from the next turn on."""

    async def work() -> None:
        async with open_prompts(read_settings()) as store:
            prompt = Prompt(
                name,
                read_text(text, file),
                model=model,
                fallback_text=fallback,
                tools=tuple(tool or ()),
                actions=tuple(action or ()),
                transfers=tuple(transfer or ()),
                tool_phrase=tool_phrase,
                language=language,
                note=note,
            )
            saved = await store.set_prompt(prompt)
            out.print(f"{saved.name}: version {saved.version}")

    run_command(work())


@prompts.command("delete")
def delete_prompt(name: str) -> None:
    """Delete a prompt with all its versions."""

    async def work() -> None:
        async with open_prompts(read_settings()) as store:
            await store.delete_prompt(name)

    run_command(work())


def _describe(prompt: Prompt) -> str:
    """Return a prompt for people; what it does not set is left out."""
    shown = {
        "model": prompt.model,
        "language": prompt.language,
        "fallback": prompt.fallback_text,
        "tools": ", ".join(prompt.tools),
        "actions": ", ".join(prompt.actions),
        "transfers": ", ".join(prompt.transfers),
        "tool phrase": prompt.tool_phrase,
        "note": prompt.note,
    }
    width = max(map(len, shown)) + 2
    lines = [
        f"{name + ':':<{width}}{value.replace(chr(10), chr(10) + ' ' * width)}"
        for name, value in shown.items()
        if value
    ]
    return "\n".join([*lines, "", prompt.content] if lines else [prompt.content])
