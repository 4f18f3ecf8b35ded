"""The real Asterisk that the tests of this folder share, and a bridge on it for each test."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from model_stub import SECRET, ModelStub
from phone import DIALPLAN, Phone
from pydantic import SecretStr

from dialogari.app import Bridge, open_prompts
from dialogari.config import Settings
from dialogari.sandbox.asterisk import Asterisk
from dialogari.turn import Prompt

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from dialogari.sandbox.installation import Installation


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def asterisk(asterisk_installation: Installation) -> AsyncGenerator[Asterisk]:
    """A real Asterisk for the whole session; every test takes an application of its own."""
    async with Asterisk(asterisk_installation, dialplan=DIALPLAN) as running:
        yield running


@pytest_asyncio.fixture
async def stub() -> AsyncGenerator[ModelStub]:
    """A model that answers with the question."""
    async with ModelStub() as model:
        yield model


@pytest.fixture
def settings(asterisk: Asterisk, stub: ModelStub, tmp_path: Path) -> Settings:
    """A bridge's settings for this Asterisk and this model."""
    return make_settings(asterisk, stub, tmp_path)


def make_settings(
    asterisk: Asterisk, stub: ModelStub, folder: Path, **changes: Any
) -> Settings:
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


@pytest_asyncio.fixture
async def bridge(settings: Settings) -> AsyncGenerator[Bridge]:
    """A bridge that is ready for calls."""
    async with running_bridge(settings) as running:
        yield running


@pytest_asyncio.fixture
async def phone(asterisk: Asterisk, settings: Settings, bridge: Bridge) -> AsyncGenerator[Phone]:
    """A telephone whose calls go to that bridge."""
    assert bridge is not None
    async with Phone(asterisk, settings.asterisk_app_name) as connected:
        yield connected


@pytest.fixture(scope="session")
def asterisk_installation() -> Installation:
    from dialogari.sandbox.fetch import default_cache, find_asterisk

    return find_asterisk(default_cache())
