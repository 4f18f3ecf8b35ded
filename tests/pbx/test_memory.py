"""Callers who are known again, on real calls; the store is in tests/store/test_callers.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pbx_fixtures import make_settings, running_bridge
from phone import Phone

if TYPE_CHECKING:
    from pathlib import Path

    from dialogari.sandbox.asterisk import Asterisk
    from model_stub import ModelStub


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
