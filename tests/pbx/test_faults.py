"""What fails beside models, and many models at once; and what is logged of a turn.

Each fault of a model is in test_model_faults.py.
"""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
from typing import TYPE_CHECKING

from model_stub import ModelStub
from pbx_fixtures import make_settings, running_bridge
from phone import Phone
from releases import newest_alone

if TYPE_CHECKING:
    from pathlib import Path

    from dialogari.config import Settings
    from dialogari.sandbox.asterisk import Asterisk


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
