"""The default model itself, from the cache: right answers, and a server that survives faults.

Slow: it loads a gigabyte and reads a prompt, half a minute before the first answer on one core.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

import dialogari
from agent.local.questions import DEMO, FURTHER, Question
from dialogari.agent.local.catalogue import DEFAULT
from dialogari.agent.local.server import REQUEST_EXTRAS, SLOTS, LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from dialogari.agent.local.progress import Progress

PROMPT = (Path(dialogari.__file__).parent / "demo_prompt.md").read_text().strip()
RUN_SERVER = Path(__file__).with_name("run_server.py")
PREFIX = 350
"""Tokens of the demo prompt at least; an answer that read so many was not primed."""

pytestmark = pytest.mark.timeout(600)


def ignore(_progress: Progress) -> None:
    """Report to nobody."""


class Caller:
    """Asks in one session, with the memory of it."""

    def __init__(self, server: LocalServer, http: aiohttp.ClientSession) -> None:
        self._server = server
        self._http = http
        self._messages = [{"role": "system", "content": PROMPT}]
        self.tokens_read = 0
        """Tokens of the last request that were not known from before."""

    async def ask(self, text: str) -> str:
        """Return the answer."""
        self._messages.append({"role": "user", "content": text})
        answer = await self.post({"messages": self._messages})
        self.tokens_read = answer["timings"]["prompt_n"]
        message: dict[str, str] = answer["choices"][0]["message"]
        self._messages.append(message)
        return message["content"]

    async def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Send a request as it is."""
        address = f"{self._server.base_url}/chat/completions"
        async with self._http.post(address, json=body, headers=key_of(self._server)) as response:
            response.raise_for_status()
            return await response.json()


def key_of(server: LocalServer) -> dict[str, str]:
    """Return the header that the server asks for."""
    return {"Authorization": f"Bearer {server.api_key}"}


async def wait_for(reached: Callable[[], bool], seconds: float) -> None:
    """Wait until something is so; fail when it is not in time."""
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.02)


async def count_wrong(caller: Caller, questions: tuple[Question, ...]) -> list[str]:
    """Return what was answered wrongly, for a person to read."""
    wrong: list[str] = []
    for question in questions:
        answer = await caller.ask(question.text)
        if faults := question.faults(answer):
            wrong.append(f"{question.text} -> {answer} ({', '.join(faults)})")
    return wrong


async def test_answers(model_file: Path) -> None:
    """The whole demo and ten of twelve further questions are answered rightly from the prompt."""
    async with (
        LocalServer(model_file, DEFAULT.settings) as server,
        aiohttp.ClientSession() as http,
    ):
        await server.start(ignore)
        await server.prime(PROMPT)
        assert await count_wrong(Caller(server, http), DEMO) == []
        wrong = [
            fault
            for question in FURTHER
            for fault in await count_wrong(Caller(server, http), (question,))
        ]
        assert len(wrong) <= 2, wrong


async def test_life(model_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Primed for all slots, closed to strangers, back after a crash, and quiet."""
    async with (
        LocalServer(model_file, DEFAULT.settings) as server,
        aiohttp.ClientSession() as http,
    ):
        await server.start(ignore)
        await server.prime(PROMPT)
        callers = [Caller(server, http) for _ in range(SLOTS)]
        await asyncio.gather(*(caller.ask("Where are you located?") for caller in callers))
        assert all(caller.tokens_read < PREFIX for caller in callers)

        async with http.post(f"{server.base_url}/chat/completions", json={}) as refused:
            assert refused.status == 401

        await check_hang_up(server, http)

        address, process = server.base_url, server.pid
        assert process is not None
        os.kill(process, signal.SIGKILL)
        await wait_for(lambda: not server.alive, 5)
        await wait_for(lambda: server.alive, 60)
        assert server.pid != process
        assert server.base_url == address
        await asyncio.sleep(0.5)  # the prompt goes back into the slots
        caller = Caller(server, http)
        await caller.ask("Where are you located?")
        assert caller.tokens_read < PREFIX
        process = server.pid
    assert process is not None
    assert not _lives(process)
    assert capfd.readouterr() == ("", "")


async def check_hang_up(server: LocalServer, http: aiohttp.ClientSession) -> None:
    """Leave in the middle of a streamed answer: its slot must be free soon."""
    question = "Count from one to three hundred in words."
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": question}],
        "stream": True,
        **REQUEST_EXTRAS,
    }
    address = f"{server.base_url}/chat/completions"
    async with http.post(address, json=body, headers=key_of(server)) as response:
        await response.content.readline()
        response.close()
    left = time.monotonic()
    busy = True
    while busy:
        slots_address = f"{server.base_url.removesuffix('/v1')}/slots"
        async with http.get(slots_address, headers=key_of(server)) as response:
            busy = any(slot["is_processing"] for slot in await response.json())
        await asyncio.sleep(0.02)
    # A second on a free core (measured); the margin is for a busy machine.
    assert time.monotonic() - left < 5


async def test_parent_killed(model_file: Path) -> None:
    """When the bridge is killed, the model's process is gone within a second."""
    parent = subprocess.Popen(  # noqa: S603, ASYNC220 - our own script, started in a moment
        [sys.executable, str(RUN_SERVER), str(model_file)], stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        child = int(await asyncio.to_thread(parent.stdout.readline))
        assert _lives(child)
        parent.kill()
        await wait_for(lambda: not _lives(child), 1)


def _lives(process: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return "(zombie)" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
