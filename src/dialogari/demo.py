"""The demo: a real call through a real Asterisk, answered by the AI, told on the screen.

It plays the two parts that a telephone line has around the bridge: the speech recogniser, which
puts the caller's words into USER_INPUT, and the voice, which reads what the dialplan copied out of
AI_RESPONSE. Both are one small ARI application of its own; between them stands an ordinary
dialplan, the one that the documentation shows.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING

from pydantic import SecretStr

from dialogari.app.bridge import Bridge
from dialogari.app.prompts import open_prompts
from dialogari.ari import Client, connect
from dialogari.progress import show_progress
from dialogari.sandbox.asterisk import Asterisk
from dialogari.sandbox.asterisk import Settings as Sandbox
from dialogari.sandbox.fetch import default_cache, find_asterisk
from dialogari.softphone import EARS as SOFTPHONES
from dialogari.softphone import Softphones
from dialogari.telemetry import configure_logs
from dialogari.turn import Prompt, Status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
    from pathlib import Path

    from rich.console import Console

    from dialogari.ari import Call
    from dialogari.config import Settings
    from dialogari.progress import Step

SCRIPT = (
    "What are your opening hours during the week?",
    "And on Saturday?",
    "¿Tienen aparcamiento?",
)
APPLICATION = "dialogari"
EARS = "demo-caller"
PROMPT = "reception"
TURN = "demo-turn"
"""The dialplan's context that takes one turn and returns."""
DEADLINE = 90.0
"""Seconds a turn may take: a local model on a slow, busy machine needs its time."""
CALL_TIMEOUT = 30.0
HEARD = ("USER_INPUT", "AI_RESPONSE", "AI_STATUS", "AI_LATENCY_MS", "AI_ERROR")

DIALPLAN = f"""
[demo-line]
; the telephone at the other end: it only holds the line
exten => s,1,Answer()
 same => n,Wait(86400)

[demo]
exten => s,1,Answer()
 same => n(listen),Stasis({EARS},listen)          ; your speech recogniser: sets USER_INPUT
 same => n,Gosub({TURN},s,1)
 same => n,Goto(listen)                            ; where yours would speak AI_RESPONSE

[{TURN}]
exten => s,1,Set(AI_STATUS=)
 same => n,Set(TIMEOUT(absolute)={DEADLINE + 8:.0f})
 same => n,Stasis({APPLICATION},UNIQUEID=${{UNIQUEID}},AI_PROMPT_NAME={PROMPT})
 same => n,Set(TIMEOUT(absolute)=0)
 same => n,Set(HEARD_USER_INPUT=${{USER_INPUT}})
 same => n,Set(HEARD_AI_RESPONSE=${{AI_RESPONSE}})
 same => n,Set(HEARD_AI_STATUS=${{IF($["${{STASISSTATUS}}" = "FAILED"]?away:${{AI_STATUS}})}})
 same => n,Set(HEARD_AI_LATENCY_MS=${{AI_LATENCY_MS}})
 same => n,Set(HEARD_AI_ERROR=${{AI_ERROR}})
 same => n,Return()
exten => T,1,Set(HEARD_AI_STATUS=absolute_timeout)
 same => n,Return()
"""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What was asked for on the command line."""

    say: tuple[str, ...] = ()
    model: str | None = None
    talk: bool = False
    keep: bool = False
    sip: bool = False

    @property
    def questions(self) -> tuple[str, ...]:
        """What the caller says, where no person types it."""
        return self.say or SCRIPT


class Caller:
    """The caller's side of the one call: says the lines and shows what the dialplan heard."""

    def __init__(self, client: Client, lines: AsyncIterator[str], console: Console) -> None:
        self._client = client
        self._lines = lines
        self._console = console
        self.statuses: list[str] = []
        """AI_STATUS of each turn, as the dialplan read it."""
        self.hung_up = asyncio.Event()

    async def talk(self, call: Call) -> None:
        """Handle one visit of the call: show the last answer, say the next line or hang up."""
        if status := await show_answer(call, self._console):
            self.statuses.append(status)
        words = await anext(self._lines, None)
        if words is None:
            try:
                await self._client.session.channels.hangup(call.id)
            finally:  # the end of the call may come before the answer, and cancels us
                self.hung_up.set()
            return
        await call.set_variables({"USER_INPUT": words, "HEARD_AI_STATUS": ""})
        await call.continue_in_dialplan()


async def show_answer(call: Call, console: Console) -> str:
    """Print what the dialplan heard, if it has heard an answer; return its AI_STATUS or ''."""
    heard = {name: await call.get_variable(f"HEARD_{name}") or "" for name in HEARD}
    if heard["AI_STATUS"]:
        for name, value in heard.items():
            if value:
                console.print(f"{name} {value}")
        console.print()
    return heard["AI_STATUS"]


async def run_demo(settings: Settings, options: DemoOptions, console: Console) -> bool:
    """Run it from nothing to the last answer; whether every turn ended ok.

    Raises:
        SandboxError: no Asterisk can be had.
        ConfigError, StoreError, LocalModelError: the bridge can't start.
    """
    async with AsyncExitStack() as stack:
        with show_progress(console) as report:
            installation = await asyncio.to_thread(find_asterisk, default_cache(), report=report)
            console.print(f"Asterisk {installation.version}")
            phones = Softphones(options.questions, TURN) if options.sip else None
            dialplan, sandbox = (phones.dialplan, phones.sandbox) if phones else ("", Sandbox())
            asterisk = await stack.enter_async_context(
                Asterisk(installation, dialplan=DIALPLAN + dialplan, settings=sandbox)
            )
            # Inside Asterisk's folder, which its guard removes even if we are killed.
            folder = asterisk.folder / "bridge"
            folder.mkdir()
            log = stack.enter_context((folder / "bridge.log").open("w", encoding="utf-8"))
            configure_logs(settings.log_level, settings.log_format, log)
            settings = _fit(settings, options, asterisk, folder)
            async with open_prompts(settings) as prompts:
                await prompts.set_prompt(Prompt(PROMPT, _read_prompt()))
            bridge = await stack.enter_async_context(_running_bridge(settings, report))
        console.print(f"Model {settings.default_model}, application {settings.asterisk_app_name}")
        console.print()
        lines = _typed_lines(console) if options.talk else _script(options.questions)
        statuses = await _place_call(asterisk, lines, console)
        if phones:
            show = partial(show_answer, console=console)
            await stack.enter_async_context(
                phones.taking_calls(_connect(asterisk, SOFTPHONES), show)
            )
            console.print(phones.describe(asterisk.sip_port))
        if options.keep:
            await _stay(asterisk, bridge, folder, console)
    return bool(statuses) and all(status == Status.OK for status in statuses)


def _fit(settings: Settings, options: DemoOptions, asterisk: Asterisk, folder: Path) -> Settings:
    """Return the person's own settings, but for this Asterisk, a new database and a free port."""
    return settings.model_copy(
        update={
            "asterisk_ari_url": asterisk.url,
            "asterisk_ari_username": asterisk.username,
            "asterisk_ari_password": SecretStr(asterisk.password),
            "asterisk_app_name": APPLICATION,
            "database_url": "",
            "dialogari_state_dir": folder,
            "web_port": 0,
            "turn_deadline": DEADLINE,
            "default_ai_model": options.model or settings.default_ai_model,
        }
    )


def _read_prompt() -> str:
    return files("dialogari").joinpath("demo_prompt.md").read_text(encoding="utf-8")


@asynccontextmanager
async def _running_bridge(
    settings: Settings, report: Callable[[Step], None]
) -> AsyncGenerator[Bridge]:
    """Run the bridge beside us; yields once it is ready, and drains it at the end."""
    bridge = Bridge(settings)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bridge.run(report))
        await bridge.wait_until_ready()
        try:
            yield bridge
        finally:
            bridge.stop()


async def _place_call(
    asterisk: Asterisk, lines: AsyncIterator[str], console: Console
) -> Sequence[str]:
    """Call through the dialplan and talk until the lines end or the call does."""
    async with _connect(asterisk, EARS) as client, asyncio.TaskGroup() as tasks:
        caller = Caller(client, lines, console)
        serving = tasks.create_task(client.serve(caller.talk, resumed=caller.talk))
        async with asyncio.timeout(CALL_TIMEOUT):
            await client.wait_until_ready()
        call_id = f"demo-{secrets.token_hex(4)}"
        await client.session.channels.originate_with_id(
            call_id, "Local/s@demo/n", context="demo-line", extension="s", priority=1
        )
        await caller.hung_up.wait()
        serving.cancel()
    return caller.statuses


def _connect(asterisk: Asterisk, application: str) -> Client:
    return connect(
        asterisk.url, application, username=asterisk.username, password=asterisk.password
    )


async def _script(lines: Sequence[str]) -> AsyncGenerator[str]:
    for line in lines:
        yield line


async def _typed_lines(console: Console) -> AsyncGenerator[str]:
    """Yield what the person types, until an empty line or the end of the input."""
    console.print("You are the caller. Type what you say; an empty line hangs up.")
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    # Not input() in a thread: that would hold the process after Ctrl-C until Enter is pressed.
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while True:
        console.print("> ", end="")
        line = (await reader.readline()).decode(errors="replace").strip()
        if not line:
            return
        yield line


async def _stay(asterisk: Asterisk, bridge: Bridge, folder: Path, console: Console) -> None:
    console.print(f"Bridge    http://127.0.0.1:{bridge.web_port}/readyz")
    console.print(f"Log       {folder / 'bridge.log'}")
    console.print(f"Asterisk  {asterisk.url} (user {asterisk.username}), in {asterisk.folder}")
    console.print("Ctrl-C ends them all.")
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
