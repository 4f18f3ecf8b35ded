"""A real Asterisk whose files lie beside it, and a model."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from dialogari.dialplan.samples import Sample, simple_context
from dialogari.sandbox.asterisk import Asterisk, Settings
from model_stub import ModelStub
from pbx_fixtures import make_settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from dialogari.config import Settings as BridgeSettings
    from dialogari.sandbox.installation import Installation

APPLICATION = "examined"
READER = ("reader", "may-only-read", True)
DIALPLAN = simple_context(Sample(application=APPLICATION, turn_deadline=5.0))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def patient(asterisk_installation: Installation) -> AsyncGenerator[Asterisk]:
    """An Asterisk without fault, which every test leaves as it found it."""
    async with Asterisk(
        asterisk_installation, dialplan=DIALPLAN, settings=Settings(users=(READER,))
    ) as running:
        yield running


@pytest.fixture
def etc(patient: Asterisk) -> Path:
    """Where its files are."""
    return patient.folder / "etc"


@pytest_asyncio.fixture
async def stub() -> AsyncGenerator[ModelStub]:
    """A model that answers with the question."""
    async with ModelStub() as model:
        yield model


@pytest.fixture
def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def settings(patient: Asterisk, stub: ModelStub, tmp_path: Path, free_port: int) -> BridgeSettings:
    """Settings without fault for a bridge that does not run."""
    return make_settings(patient, stub, tmp_path, asterisk_app_name=APPLICATION, web_port=free_port)
