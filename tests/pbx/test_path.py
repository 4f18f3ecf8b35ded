"""The whole path on a real Asterisk: dialplan, bridge, model over HTTP, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model_stub import ModelStub
    from phone import Phone


async def test_a_call_is_answered(phone: Phone, stub: ModelStub) -> None:
    """The caller's words reach the model, and the dialplan reads its answer."""
    back = await phone.call("hello", PROMPT="reception")

    assert back["AI_STATUS"] == "ok"
    assert back["AI_RESPONSE"] == "You said hello"
    assert back.read == "You said hello"
    assert back.branch == "say"
    assert stub.asked[0].question == "hello"
