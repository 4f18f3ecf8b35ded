"""The commands of no group, and the groups: `dialogari serve | ask | demo | doctor | db …`.

Commands import what they need themselves (PLC0415 is exempted for this file): the libraries behind
the models cost two seconds of CPU, which `--help` and `prompt` need not spend.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from dialogari.cli.callers import callers
from dialogari.cli.evals import evaluate
from dialogari.cli.keys import keys
from dialogari.cli.mcp import mcp
from dialogari.cli.prompts import prompts
from dialogari.cli.terminal import (
    FAILED,
    WRONG,
    err,
    fail,
    out,
    read_settings,
    run_command,
)
from dialogari.cli.tools import tools
from dialogari.progress import show_progress
from dialogari.telemetry import configure_logs
from dialogari.turn import ConversationKey, Status, TurnRequest

if TYPE_CHECKING:
    from dialogari.turn import TurnResponse

main = typer.Typer(
    name="dialogari",
    help="The bridge between the Asterisk telephone exchange and AI.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
main.add_typer(callers, name="caller")
main.command("eval")(evaluate)
main.add_typer(prompts, name="prompt")
main.add_typer(tools, name="tool")
main.add_typer(mcp, name="mcp")
main.add_typer(keys, name="key")
db = typer.Typer(help="The database: upgrade, check.", no_args_is_help=True)
main.add_typer(db, name="db")


@main.command()
def serve() -> None:
    """Run the bridge until SIGTERM or Ctrl-C; it then lets running turns finish."""
    from dialogari.app.bridge import Bridge

    settings = read_settings()
    configure_logs(settings.log_level, settings.log_format)

    async def work() -> None:
        bridge = Bridge(settings)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, bridge.stop)
        with show_progress(err) as report:
            await bridge.run(report)

    run_command(work())


@main.command()
def ask(
    text: Annotated[str, typer.Argument(help="The question.")],
    prompt: Annotated[str | None, typer.Option(help="Name of the prompt.")] = None,
    session: Annotated[str | None, typer.Option(help="Go on with this conversation.")] = None,
    model: Annotated[
        str | None, typer.Option(help="As AI_MODEL: provider or provider:model.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole result.")] = False,
) -> None:
    """Take one turn from the terminal, the same way a call takes it."""
    from dialogari.app.ai import open_ai

    settings = read_settings()
    configure_logs("WARNING", settings.log_format)
    request = TurnRequest(
        text=text,
        conversation=ConversationKey("", session or f"terminal-{secrets.token_hex(6)}"),
        prompt=prompt,
        model=model,
    )

    async def work() -> TurnResponse:
        with show_progress(err) as report:
            async with open_ai(settings, report) as ai:
                return await ai.conversations.take_turn(request)

    response = run_command(work())
    if as_json:
        out.print(json.dumps(_described(response), ensure_ascii=False))
    elif response.status is Status.OK:
        out.print(response.text)
    else:
        err.print(f"{response.status}: {response.reason}")
    raise typer.Exit(0 if response.status is Status.OK else FAILED)


@main.command()
def demo(
    say: Annotated[list[str] | None, typer.Option(help="A line of the caller; repeatable.")] = None,
    model: Annotated[str | None, typer.Option(help="As AI_MODEL; default: the settings'.")] = None,
    talk: Annotated[bool, typer.Option(help="Type the caller's side yourself.")] = False,
    keep: Annotated[bool, typer.Option(help="Leave bridge and PBX up until Ctrl-C.")] = False,
    sip: Annotated[
        bool, typer.Option(help="With --keep: let a softphone on this machine call in.")
    ] = False,
) -> None:
    """Place a real call through a real Asterisk and let the AI answer it."""
    from dialogari.demo import DemoOptions, run_demo

    if sip and not keep:
        fail("--sip needs --keep: without it the demo ends before anybody could call", WRONG)
    settings = read_settings()
    options = DemoOptions(say=tuple(say or ()), model=model, talk=talk, keep=keep, sip=sip)
    if not run_command(run_demo(settings, options, out)):
        raise typer.Exit(FAILED)


@main.command()
def doctor(
    asterisk_config: Annotated[
        Path | None,
        typer.Option(help="Folder of Asterisk's files; default: /etc/asterisk, if it is here."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look for what stands between this installation and an answered call; change nothing."""
    from dialogari.app.diagnosis import diagnose

    settings = read_settings()
    configure_logs("ERROR", settings.log_format)

    async def work() -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        async for finding in diagnose(settings, asterisk_config):
            found.append(asdict(finding))
            if not as_json:
                remedy = f" -> {finding.remedy}" if finding.remedy else ""
                out.print(f"{finding.verdict:<5} {finding.name:<26} {finding.text}{remedy}")
        return found

    found = run_command(work())
    well = all(finding["verdict"] != "fail" for finding in found)
    if as_json:
        out.print(json.dumps({"ok": well, "findings": found}, ensure_ascii=False))
    raise typer.Exit(0 if well else FAILED)


@main.command()
def dialplan(
    prompt: Annotated[str | None, typer.Option(help="Name of the prompt to ask with.")] = None,
) -> None:
    """Print extensions.conf, ari.conf and http.conf for these settings, ready to paste."""
    from dialogari.app.sample import sample_files

    settings = read_settings()

    async def work() -> None:
        out.print(sample_files(settings, prompt), end="")

    run_command(work())


@db.command("upgrade")
def upgrade_database() -> None:
    """Make the tables, or bring them up to date; the bridge does the same when it starts."""
    from dialogari.app.database import upgrade

    out.print(f"revision: {run_command(upgrade(read_settings()))}")


@db.command("check")
def check_database() -> None:
    """Say whether the database is reachable, up to date and writable; exit 1 if it is not."""
    from dialogari.app.database import check

    findings = run_command(check(read_settings()))
    for finding in findings:
        out.print(f"{finding.name}: {'' if finding.good else 'FAIL '}{finding.text}")
    raise typer.Exit(0 if all(finding.good for finding in findings) else FAILED)


def _described(response: TurnResponse) -> dict[str, object]:
    return {
        "text": response.text,
        "status": response.status,
        "error": response.reason,
        "model": response.model,
        "session": response.conversation.id,
        "turn": response.number,
        "latency_ms": round(sum(response.steps.values()) * 1000),
        "usage": {
            "input_tokens": response.usage.input_tokens,
            "output_tokens": response.usage.output_tokens,
        },
        "action": response.decision.action or "",
        "action_target": response.decision.target,
        "facts": dict(response.decision.facts),
    }
