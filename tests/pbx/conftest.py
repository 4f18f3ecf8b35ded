"""The real Asterisk that the tests of this folder share, and a bridge on it for each test."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from dialogari.sandbox.asterisk import Asterisk
from dialogari.telemetry import configure_logs
from model_stub import ModelStub
from pbx_fixtures import make_settings, running_bridge
from phone import DIALPLAN, Phone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from dialogari.app.bridge import Bridge
    from dialogari.config import Settings
    from dialogari.sandbox.installation import Installation


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def asterisk(each_installation: Installation) -> AsyncGenerator[Asterisk]:
    """A real Asterisk for the whole session; every test takes an application of its own."""
    async with Asterisk(each_installation, dialplan=DIALPLAN) as running:
        yield running


@pytest_asyncio.fixture
async def stub() -> AsyncGenerator[ModelStub]:
    """A model that answers with the question."""
    async with ModelStub() as model:
        yield model


@pytest.fixture
def log() -> io.StringIO:
    """Everything that is logged at DEBUG."""
    stream = io.StringIO()
    configure_logs("DEBUG", "json", stream)
    return stream


@pytest.fixture
def settings(asterisk: Asterisk, stub: ModelStub, tmp_path: Path) -> Settings:
    """A bridge's settings for this Asterisk and this model."""
    return make_settings(asterisk, stub, tmp_path)


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
