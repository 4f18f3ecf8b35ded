"""What fails, and what the dialplan is told: a status, a reason, the fallback, and nothing else."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

from dialogari.telemetry import configure_logs
from model_stub import POISON, SECRET, ModelStub
from pbx_fixtures import make_settings, running_bridge
from phone import Back, Phone
from releases import newest_alone

if TYPE_CHECKING:
    from pathlib import Path

    from dialogari.config import Settings
    from dialogari.sandbox.asterisk import Asterisk

FAULTS = {
    "http_401": ("model_error", "openai.http_401"),
    "http_429": ("model_error", "openai.http_429"),
    "http_500": ("model_error", "openai.http_500"),
    "http_503": ("model_error", "openai.http_503"),
    "html": ("model_error", "openai.unexpected_answer"),
    "malformed": ("model_error", "openai.malformed_answer"),
    "error_event": ("model_error", "openai.http_500"),
    "drop": ("model_error", "openai.connection"),
    "empty": ("model_error", "empty_answer"),
    "blank": ("model_error", "empty_answer"),
    "stall": ("timeout", "model.timeout"),
    "stall_in_stream": ("timeout", "model.timeout"),
}


@pytest.fixture
def log() -> io.StringIO:
    """Everything that is logged at DEBUG."""
    stream = io.StringIO()
    configure_logs("DEBUG", "json", stream)
    return stream


@pytest.mark.parametrize(("fault", "expected"), FAULTS.items(), ids=FAULTS)
async def test_a_failing_model(
    log: io.StringIO, phone: Phone, stub: ModelStub, fault: str, expected: tuple[str, str]
) -> None:
    """Each fault is a status and a reason within the deadline; no server's word gets anywhere."""
    stub.fault = fault

    back = await phone.call("hello", MORE="AI_TIMEOUT=1.5")

    assert (back["AI_STATUS"], back["AI_ERROR"]) == expected
    assert (back["SYSTEM_ERROR"], back["ARI_ERROR"]) == (expected[1], "")
    assert back["AI_RESPONSE"] == "Please hold the line."
    assert back.branch == "human"
    assert back.seconds < 1.5 + 1
    _nothing_leaked(back, log)


async def test_fifty_calls_whose_model_hangs(
    log: io.StringIO, phone: Phone, stub: ModelStub
) -> None:
    """However many time out at once, each is sent back within its deadline and a second."""
    stub.fault = "stall"

    tags = [await phone.dial("hello", MORE="AI_TIMEOUT=2") for _ in range(50)]
    backs = [await phone.wait(tag) for tag in tags]

    assert [back["AI_STATUS"] for back in backs] == ["timeout"] * 50
    lines = [json.loads(line) for line in log.getvalue().splitlines() if '"turn"' in line]
    waits = [line["ms"] for line in lines if line["event"] == "turn"]
    # Asterisk 16 takes up to 400 ms more until it has let a channel go.
    assert len(waits) == 50
    assert max(waits) < 2_600


async def test_a_model_that_is_away(
    log: io.StringIO, asterisk: Asterisk, stub: ModelStub, tmp_path: Path
) -> None:
    """A refused connection is `openai.connection`, at once."""
    settings = make_settings(asterisk, stub, tmp_path, openai_base_url="http://127.0.0.1:9/v1")
    async with running_bridge(settings), Phone(asterisk, settings.asterisk_app_name) as phone:
        back = await phone.call("hello")

    assert (back["AI_STATUS"], back["AI_ERROR"]) == ("model_error", "openai.connection")
    _nothing_leaked(back, log)


@newest_alone
async def test_the_log_names_the_turn_but_not_the_words(log: io.StringIO, phone: Phone) -> None:
    """One line a turn, with call, conversation, model, status, steps and tokens; no words."""
    await phone.call("a secret of the caller", PROMPT="reception")
    await asyncio.sleep(0.05)

    lines = [line for line in log.getvalue().splitlines() if '"event": "turn"' in line]
    assert len(lines) == 1
    for part in (
        '"call": "t-', '"conversation": "t-', '"prompt": "reception"', '"model": "openai:stub"',
        '"status": "ok"', '"history_ms"', '"model_ms"', '"first_token_ms"', '"store_ms"',
        '"input_tokens": 11', '"output_tokens": 7',
    ):  # fmt: skip
        assert part in lines[0]
    assert "secret of the caller" not in log.getvalue()


@newest_alone
async def test_content_is_logged_when_asked_for(
    log: io.StringIO, asterisk: Asterisk, stub: ModelStub, tmp_path: Path
) -> None:
    """LOG_CONTENT=true puts question and answer into the turn's line."""
    settings = make_settings(asterisk, stub, tmp_path, log_content=True)
    async with running_bridge(settings), Phone(asterisk, settings.asterisk_app_name) as phone:
        await phone.call("tell me")

    assert '"question": "tell me"' in log.getvalue()
    assert '"answer": "You said tell me"' in log.getvalue()


async def test_unknown_prompt_and_model(phone: Phone, stub: ModelStub) -> None:
    """Names that don't exist are told apart, and no model is asked."""
    no_prompt = await phone.call("hello", PROMPT="nobody")
    no_provider = await phone.call("hello", MORE="AI_MODEL=skynet")

    assert (no_prompt["AI_STATUS"], no_prompt["SYSTEM_ERROR"]) == (
        "unknown_prompt",
        "unknown_prompt",
    )
    assert (no_provider["AI_STATUS"], no_provider["SYSTEM_ERROR"]) == (
        "unknown_model",
        "unknown_provider",
    )
    assert stub.asked == []


async def test_the_store_refuses(phone: Phone, settings: Settings) -> None:
    """A database that can't be written is `error`, with the reason in SYSTEM_ERROR."""
    with sqlite3.connect(settings.dialogari_state_dir / "dialogari.db") as database:
        database.execute("drop table turns")
    database.close()

    back = await phone.call("hello")

    assert back["AI_STATUS"] == "error"
    assert (back["SYSTEM_ERROR"] or "").startswith("store.")
    assert back["AI_RESPONSE"] == "Please hold the line."


def _nothing_leaked(back: Back, log: io.StringIO) -> None:
    told = "".join(value or "" for value in back.variables.values()) + log.getvalue()
    assert POISON not in told
    assert SECRET not in told
    assert "Connection refused" not in told
    assert "All connection attempts failed" not in told
