"""What the model wrote, from the model to what the dialplan can safely read."""

from __future__ import annotations

import pytest

from model_stub import ModelStub
from phone import Phone

UNSAFE = set('"\\`$|<>;{}') | {chr(code) for code in (*range(32), 127, *range(128, 160))}

ODD_ANSWERS = (
    "# Heading\n\n- one\n- two **bold**",
    'He said "hello" and left; then `rm -rf /` | tee > file < in',
    "${SHELL(id)} and $[1+1] and ${EVAL(${X})}",
    "open (bracket and [another",
    "close) bracket] and }",
    "control \x00\x01\x1b[31m characters \x7f\x85",
    "lone surrogate \ud83d here",
    "new\nlines\r\nand\ttabs\u2028and\u2029more",
    "😀👩‍👩‍👧‍👦 ¿Qué tal? 日本語",
    "commas, stay, as, they, are",
    "100 % & ^ ~ # * = +",
)


@pytest.mark.parametrize("answer", ODD_ANSWERS)
async def test_odd_answers_are_safe(phone: Phone, stub: ModelStub, answer: str) -> None:
    """Whatever the model writes, the dialplan reads text without a dangerous character."""
    stub.answer = lambda _: answer

    back = await phone.call("hello")

    assert back["AI_STATUS"] == "ok"
    assert back.read
    assert not UNSAFE & set(back.read)
    assert back.read == back["AI_RESPONSE"]
    for opened, closed in ("()", "[]"):
        assert back.read.count(opened) == back.read.count(closed)


async def test_a_long_answer_comes_in_parts(phone: Phone, stub: ModelStub) -> None:
    """10,000 bytes come in three parts, each readable by the dialplan, and nothing is lost."""
    sentences = " ".join(f"This is sentence number {number}." for number in range(330))
    stub.answer = lambda _: sentences

    back = await phone.call("hello")

    assert back["AI_RESPONSE_COUNT"] == "3"
    parts = [back[f"AI_RESPONSE_{number}"] or "" for number in range(1, 9)]
    assert " ".join(parts).strip() == sentences
    assert all(len(part.encode()) <= 4_000 for part in parts)
    assert all(part.endswith(".") for part in parts if part)
    assert back["AI_RESPONSE"] == parts[0] == back.read


async def test_an_answer_longer_than_all_parts_ends_at_a_sentence(
    phone: Phone, stub: ModelStub
) -> None:
    """Of 90,000 characters eight parts arrive, in two-byte letters, the last cut at a sentence."""
    stub.answer = lambda _: "Ésta es una frase larguísima, ¿verdad? " * 2_300

    back = await phone.call("hello", limit=30)

    assert (back["AI_STATUS"], back["AI_RESPONSE_COUNT"]) == ("ok", "8")
    assert (back["AI_RESPONSE_8"] or "").endswith("?")


async def test_an_answer_that_never_ends(phone: Phone, stub: ModelStub) -> None:
    """A model that does not stop is stopped, and what it wrote first is the answer."""
    stub.fault = "endless"

    back = await phone.call("hello", limit=30)

    assert (back["AI_STATUS"], back["AI_RESPONSE_COUNT"]) == ("ok", "8")


async def test_every_variable_is_written_at_every_turn(phone: Phone) -> None:
    """Every variable of the contract is set, and AI_TURN, the model and the latency make sense."""
    back = await phone.call("hello")

    assert None not in back.variables.values()
    assert (back["AI_TURN"], back["AI_MODEL_USED"]) == ("1", "openai:stub")
    assert int(back["AI_LATENCY_MS"] or "-1") >= 0
    assert back["AI_MORE"] == "0"
    assert [back[name] for name in ("AI_ERROR", "ARI_ERROR", "SYSTEM_ERROR")] == ["", "", ""]
    assert [back[name] for name in ("AI_ACTION", "AI_ACTION_TARGET", "AI_RESPONSE_2")] == [""] * 3
