"""Builds a bridge for tests: its settings as an operator would write them, and its running."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
from pydantic import SecretStr

from dialogari.app.bridge import Bridge
from dialogari.app.prompts import open_prompts
from dialogari.config import Settings
from dialogari.turn import Prompt
from model_stub import SECRET, ModelStub

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from either_pbx import Server


def make_settings(asterisk: Server, stub: ModelStub, folder: Path, **changes: Any) -> Settings:
    """Return settings as an operator would write them, independent of our environment."""
    values: dict[str, Any] = {
        "asterisk_ari_url": asterisk.url,
        "asterisk_ari_username": asterisk.username,
        "asterisk_ari_password": SecretStr(asterisk.password),
        "asterisk_app_name": f"test-{secrets.token_hex(4)}",
        "default_ai_model": "openai",
        "openai_api_key": SecretStr(SECRET),
        "openai_base_url": stub.url,
        "openai_model_name": "stub",
        "database_url": "",
        "dialogari_state_dir": folder,
        "web_port": 0,
        "fallback_text": "Please hold the line.",
        "turn_deadline": 5.0,
    }
    return Settings.model_construct(**{**Settings.model_construct().__dict__, **values, **changes})


@asynccontextmanager
async def running_bridge(settings: Settings) -> AsyncGenerator[Bridge]:
    """Run a bridge in this process; ready when it yields, drained at the end."""
    async with open_prompts(settings) as prompts:
        await prompts.set_prompt(Prompt("reception", "You are the reception. {{ vip }}"))
    bridge = Bridge(settings)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bridge.run(lambda _: None))
        async with asyncio.timeout(20):
            await bridge.wait_until_ready()
        try:
            yield bridge
        finally:
            bridge.stop()


@asynccontextmanager
async def start_process(settings: Settings) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run `dialogari serve` as an operator does, ready when it yields; killed at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (settings.dialogari_state_dir / "serve.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "dialogari",
            "serve",
            env={**_clean_environment(), **_as_environment(settings), "WEB_PORT": str(port)},
            cwd=settings.dialogari_state_dir,
            stderr=log,
        )
    try:
        async with asyncio.timeout(20), aiohttp.ClientSession() as session:
            while not await _is_ready(session, port):
                await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _is_ready(session: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def _clean_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def _as_environment(settings: Settings) -> dict[str, str]:
    values = {name: value for name, value in settings if value not in (None, "", (), {})}
    return {
        name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in values.items()
    }
