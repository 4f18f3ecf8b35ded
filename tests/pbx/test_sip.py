"""Calls by SIP: a real user agent, PJSIP, the dialplan, the bridge, and back."""

from __future__ import annotations

import asyncio
from pathlib import Path

from model_stub import ModelStub
from phone import Phone
from sipp import run_sipp

CALLS = 50
SCENARIO = Path(__file__).parents[1] / "data/sip-ask.xml"


async def test_fifty_sip_calls(phone: Phone, stub: ModelStub, tmp_path: Path) -> None:
    """Of 50 SIP calls, 25 a second, each is answered with its own answer and ended cleanly."""
    stub.delay = 0.2
    tags = [f"sip-{number}" for number in range(1, CALLS + 1)]
    for tag in tags:
        phone.expect(tag)

    ended = await run_sipp(
        SCENARIO, phone.asterisk.sip_port, tmp_path,
        *("-s", phone.application, "-key", "tag", "sip", "-key", "probe", phone.probe),
        *("-m", str(CALLS), "-r", "25", "-l", str(CALLS)),
    )  # fmt: skip
    assert ended.code == 0, ended.err
    backs = await asyncio.gather(*(phone.wait(tag) for tag in tags))

    answers = [f"You said question number {n}, with a comma" for n in range(1, CALLS + 1)]
    assert [(back["AI_STATUS"], back.read) for back in backs] == [("ok", a) for a in answers]
    assert len(stub.asked) == CALLS
