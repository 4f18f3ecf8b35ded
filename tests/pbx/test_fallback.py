"""Who is asked when models fail, again and again or both of them, and who is not.

Each fault, with a fallback and without, is in test_model_faults.py.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

import pytest_asyncio

from dialogari.config_models import ModelServer
from model_stub import ModelStub
from pbx_fixtures import make_settings, running_bridge
from phone import Phone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from dialogari.sandbox.asterisk import Asterisk


@pytest_asyncio.fixture
async def backup() -> AsyncGenerator[ModelStub]:
    """The fallback model."""
    async with ModelStub(answer=lambda question: f"Backup heard {question}") as model:
        yield model


@asynccontextmanager
async def backed(
    asterisk: Asterisk, stub: ModelStub, backup: ModelStub, folder: Path, **changes: Any
) -> AsyncGenerator[Phone]:
    """Open a telephone to a bridge whose fallback is `backup:second`."""
    values = {
        "models": {"backup": ModelServer(url=backup.url, model="second")},
        "fallback_ai_model": "backup",
        "first_token_deadline": 0.5,
        **changes,
    }
    settings = make_settings(asterisk, stub, folder, **values)
    async with running_bridge(settings), Phone(asterisk, settings.asterisk_app_name) as phone:
        yield phone


def _stored_reasons(folder: Path) -> list[list[str]]:
    (file,) = folder.rglob("*.db")
    with closing(sqlite3.connect(file)) as database:
        rows = database.execute("SELECT asked FROM turns ORDER BY id").fetchall()
    return [[one["reason"] for one in json.loads(row)] for (row,) in rows]


async def test_a_model_that_fails_again_and_again(
    asterisk: Asterisk, stub: ModelStub, backup: ModelStub, tmp_path: Path
) -> None:
    """From the third failure on callers no longer wait for it, and each turn's row says why."""
    stub.fault = "stall"
    async with backed(asterisk, stub, backup, tmp_path) as phone:
        backs = [await phone.call("hello") for _ in range(5)]

    assert {(back["AI_STATUS"], back["AI_MODEL_USED"]) for back in backs} == {
        ("ok", "backup:second")
    }
    assert len(stub.asked) == 3
    assert _stored_reasons(tmp_path) == [
        *[["openai.first_token", ""]] * 3,
        *[["openai.skipped", ""]] * 2,
    ]
    assert max(back.seconds for back in backs[3:]) < 0.5 < min(back.seconds for back in backs[:3])


async def test_a_model_in_good_time_is_not_disturbed(
    asterisk: Asterisk, stub: ModelStub, backup: ModelStub, tmp_path: Path
) -> None:
    """A first token just before the deadline: the fallback is not asked."""
    stub.delay = 0.3
    async with backed(asterisk, stub, backup, tmp_path) as phone:
        back = await phone.call("hello")

    assert (back["AI_STATUS"], back["AI_MODEL_USED"]) == ("ok", "openai:stub")
    assert not backup.asked


async def test_both_fail(
    asterisk: Asterisk, stub: ModelStub, backup: ModelStub, tmp_path: Path
) -> None:
    """The reason, and the model, are the last one's."""
    stub.fault, backup.fault = "http_500", "http_429"
    async with backed(asterisk, stub, backup, tmp_path) as phone:
        back = await phone.call("hello")

    assert (back["AI_STATUS"], back["AI_ERROR"]) == ("model_error", "backup.http_429")
    assert back["AI_MODEL_USED"] == "backup:second"
    assert back["AI_RESPONSE"] == "Please hold the line."
    assert back.branch == "human"


async def test_the_fallback_stalls(
    asterisk: Asterisk, stub: ModelStub, backup: ModelStub, tmp_path: Path
) -> None:
    """It has the rest of the turn and no more."""
    stub.fault, backup.fault = "http_500", "stall"
    async with backed(asterisk, stub, backup, tmp_path) as phone:
        back = await phone.call("hello", MORE="AI_TIMEOUT=1.5")

    assert (back["AI_STATUS"], back["AI_ERROR"]) == ("timeout", "model.timeout")
    assert back["AI_MODEL_USED"] == "backup:second"
    assert back.seconds < 1.5 + 1


async def test_what_is_no_failure_of_asking(
    asterisk: Asterisk, stub: ModelStub, backup: ModelStub, tmp_path: Path
) -> None:
    """A model nobody has, or whose key is missing, stays `unknown_model`."""
    async with backed(asterisk, stub, backup, tmp_path) as phone:
        nobody = await phone.call("hello", MORE="AI_MODEL=skynet")
        no_key = await phone.call("hello", MORE="AI_MODEL=gemini")
        by_name = await phone.call("hello", MORE="AI_MODEL=backup:other")

    assert (nobody["AI_STATUS"], nobody["AI_ERROR"]) == ("unknown_model", "unknown_provider")
    assert (no_key["AI_STATUS"], no_key["AI_ERROR"]) == ("unknown_model", "gemini.no_key")
    assert (by_name["AI_STATUS"], by_name["AI_MODEL_USED"]) == ("ok", "backup:other")
