"""What is remembered on real calls: callers who are known again, and long calls summed up.

The store is in tests/store/test_callers.py, summaries in tests/web/test_summaries.py.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from pbx_fixtures import make_settings, running_bridge
from phone import Phone
from piecewise import callers_of

if TYPE_CHECKING:
    from pathlib import Path

    from dialogari.sandbox.asterisk import Asterisk
    from model_stub import Asked, ModelStub

PADDING = "x" * 50


@pytest.mark.parametrize(("days", "messages"), [(7, [2, 2, 4]), (0, [2, 2, 2])])
async def test_the_next_call(
    asterisk: Asterisk, stub: ModelStub, tmp_path: Path, days: int, messages: list[int]
) -> None:
    """A caller named by AI_CALLER is known in the next call, where CALLER_MEMORY_DAYS says so."""
    settings = make_settings(asterisk, stub, tmp_path, caller_memory_days=days)
    async with running_bridge(settings), Phone(asterisk, settings.asterisk_app_name) as phone:
        for words, caller in (("I am Ada", "ada"), ("I am Bob", "bob"), ("who am I?", " ada")):
            back = await phone.call(words, MORE=f"AI_CALLER={caller}")
            assert back["AI_STATUS"] == "ok"

    assert [len(asked.messages) for asked in stub.asked] == messages
    heard = str(stub.asked[2].messages)
    assert ("I am Ada" in heard) is bool(days)
    assert "I am Bob" not in heard


async def test_a_long_call(asterisk: Asterisk, stub: ModelStub, tmp_path: Path) -> None:
    """What of a long call no longer fits is told in short; no turn of it fails for that."""
    stub.act = _sum_up_or_answer
    settings = make_settings(asterisk, stub, tmp_path, history_tokens=150, history_summary=True)
    application = settings.asterisk_app_name
    async with running_bridge(settings), callers_of(asterisk, application) as callers:
        caller = await callers.call(f"I am Ada. {PADDING}", extension="up")
        heard = [await caller.hear()]
        for number in range(2, 9):
            await caller.go("ask_whole", f"Question {number}. {PADDING}")
            heard.append(await caller.hear())
            await asyncio.sleep(0.1)  # the summary is made behind the caller's back

    assert [one["AI_STATUS"] for one in heard] == ["ok"] * 8
    assert heard[-1]["AI_RESPONSE"] == "I see."
    told = str([asked for asked in stub.asked if not _is_summary(asked)][-1].messages)
    assert "summed up by a program: The caller is Ada." in told
    assert "I am Ada" not in told


def _is_summary(asked: Asked) -> bool:
    return asked.instructions.startswith("You sum up")


def _sum_up_or_answer(asked: Asked) -> str:
    return "The caller is Ada." if _is_summary(asked) else "I see."
