"""Another model answers when the first one fails before the caller could hear a word of it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from dialogari.config_models import ModelServer
from model_stub import ModelStub
from pbx_fixtures import make_settings, running_bridge
from phone import Phone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from dialogari.sandbox.asterisk import Asterisk

AT_ONCE = ("http_401", "http_429", "http_500", "http_503", "html", "empty", "blank")
IN_STREAM = ("malformed", "error_event", "drop")
"""Faults that come within a stream, here before its first word."""


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


async def test_each_fault_before_the_first_token(
    asterisk: Asterisk, stub: ModelStub, backup: ModelStub, tmp_path: Path
) -> None:
    """The fallback answers, well within the deadline, and AI_MODEL_USED names it."""
    stub.opening = ""
    async with backed(asterisk, stub, backup, tmp_path) as phone:
        for fault in (*AT_ONCE, *IN_STREAM):
            stub.fault = fault
            back = await phone.call("hello")

            assert (fault, back["AI_STATUS"], back["AI_ERROR"]) == (fault, "ok", "")
            assert back["AI_RESPONSE"] == "Backup heard hello"
            assert back["AI_MODEL_USED"] == "backup:second"
            assert back.seconds < 1
            stub.fault = ""  # an answer between: what fails again and again is asked no more
            await phone.call("hello")
    assert len(stub.asked) == 2 * (len(AT_ONCE) + len(IN_STREAM))
    assert len(backup.asked) == len(AT_ONCE) + len(IN_STREAM)


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


async def test_a_model_that_is_away(
    asterisk: Asterisk, stub: ModelStub, backup: ModelStub, tmp_path: Path
) -> None:
    """A refused connection is such a fault too."""
    away = {"openai_base_url": "http://127.0.0.1:9/v1"}
    async with backed(asterisk, stub, backup, tmp_path, **away) as phone:
        back = await phone.call("hello")

    assert (back["AI_STATUS"], back["AI_MODEL_USED"]) == ("ok", "backup:second")


@pytest.mark.parametrize("fault", ["stall", "stall_in_stream"])
async def test_a_slow_first_token(
    asterisk: Asterisk, stub: ModelStub, backup: ModelStub, tmp_path: Path, fault: str
) -> None:
    """Past FIRST_TOKEN_DEADLINE the fallback is asked, and the first model's request is closed."""
    stub.fault, stub.opening = fault, " \n"
    async with backed(asterisk, stub, backup, tmp_path) as phone:
        back = await phone.call("hello")

    assert (back["AI_STATUS"], back["AI_RESPONSE"]) == ("ok", "Backup heard hello")
    assert 0.5 <= back.seconds < 1.5
    assert len(stub.abandoned) == 1


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


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("stall_in_stream", ("timeout", "model.timeout")),
        ("drop", ("model_error", "openai.connection")),
        ("malformed", ("model_error", "openai.malformed_answer")),
    ],
)
async def test_after_the_first_token(
    asterisk: Asterisk,
    stub: ModelStub,
    backup: ModelStub,
    tmp_path: Path,
    fault: str,
    told: tuple[str, str],
) -> None:
    """Nobody can go on with another's sentence: the turn fails as it does without a fallback."""
    stub.fault = fault
    async with backed(asterisk, stub, backup, tmp_path) as phone:
        back = await phone.call("hello", MORE="AI_TIMEOUT=1.5")

    assert (back["AI_STATUS"], back["AI_ERROR"]) == told
    assert back["AI_MODEL_USED"] == "openai:stub"
    assert not backup.asked


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
