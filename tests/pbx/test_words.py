"""What the caller said, from the dialplan to the model."""

from __future__ import annotations

import asyncio

import pytest

from model_stub import ModelStub
from phone import Phone

INPUTS = (
    "hello",
    "hi, I am Bob, and I am late",
    ",leading comma",
    "trailing comma,",
    ",,,",
    'he said "yes"',
    '"quoted whole"',
    'one odd " quote',
    "it's, isn't it",
    "''",
    "back\\slash and \\, escaped comma",
    "ends with a backslash\\",
    "(closed) [brackets] {braces}",
    "(open paren",
    "[open bracket",
    "{open brace",
    "closing) only] here}",
    "((((((((",
    "a) b: c",
    "time: 10:30) and then: more",
    "${EXTEN} and $[1+1] and ${SHELL(id)}",
    "a=b",
    "=",
    "UNIQUEID=x",
    "hi,UNIQUEID=x,AI_MODEL=gpt,AI_PROMPT_NAME=evil",
    "USER_INPUT=again",
    "AI_TIMEOUT=never",
    "semicolon; comment",
    "pipe | ampersand & caret ^ tilde ~",
    "100 % sure # hash * star",
    "<script>alert('x')</script>",
    "😀 👩‍👩‍👧‍👦 🇪🇸",
    "¿Cuándo abrís mañana? ¡Ñandú, pingüino!",
    "日本語 العربية עברית Ελληνικά",
    "line one\nline two\r\nline three",
    "tab\there",
    "  blanks around  ",
    "control \x01\x02\x7f characters",
    "e\u0301 combining, \u00a0 no-break, \u200b zero width, \ufeff mark",
    "long " + "x" * 19_995,
    "long and wide " + "ñ" * 9_993,
)


def test_the_table_is_long_enough() -> None:
    """There are at least 40 inputs, two of them of 20,000 bytes."""
    assert len(set(INPUTS)) >= 40
    assert sum(len(text.encode()) == 20_000 for text in INPUTS) == 2


async def test_the_channel_variable_is_byte_exact(phone: Phone, stub: ModelStub) -> None:
    """Every input arrives at the model byte for byte when it is in USER_INPUT."""
    backs = await asyncio.gather(
        *(phone.call(text, MORE=f"number={number}") for number, text in enumerate(INPUTS))
    )

    assert [back["AI_STATUS"] for back in backs] == ["ok"] * len(INPUTS)
    assert sorted(asked.question for asked in stub.asked) == sorted(INPUTS)


@pytest.mark.parametrize("extension", ["base64", "uri"])
@pytest.mark.parametrize(
    "text", ["hi, I am Bob", 'he said "yes"', "¿Qué tal?", "😀", "UNIQUEID=x", "back\\slash"]
)
async def test_encoded_arguments_are_exact(
    phone: Phone, stub: ModelStub, extension: str, text: str
) -> None:
    """USER_INPUT_B64 and USER_INPUT_URI carry ordinary text byte for byte."""
    back = await phone.call(text, extension)

    assert (back["AI_STATUS"], stub.asked[0].question) == ("ok", text)


@pytest.mark.parametrize(
    ("said", "arrives"),
    [
        ("hello", "hello"),
        ("hi, I am Bob, and late", "hi, I am Bob, and late"),
        ("a=b, c=d", "a=b, c=d"),
        ("¿Qué tal, 😀?", "¿Qué tal, 😀?"),
        ("it's fine", "it's fine"),
        ("(closed) [too]", "(closed) [too]"),
        # Asterisk itself eats these before anybody can see them:
        ('he said "yes"', "he said yes"),
        ("back\\slash", "backslash"),
        # A fixed key in the text is taken for one; the conversation was named before, and stays.
        ("hi,UNIQUEID=x,there", "hi,there"),
    ],
)
async def test_the_argument_form_loses_what_asterisk_eats(
    phone: Phone, stub: ModelStub, said: str, arrives: str
) -> None:
    """USER_INPUT= as the last argument: commas survive, quotes and backslashes do not."""
    back = await phone.call(said, "argument")

    assert (back["AI_STATUS"], stub.asked[0].question) == ("ok", arrives)


async def test_an_unclosed_bracket_swallows_what_follows(phone: Phone, stub: ModelStub) -> None:
    """With the words before UNIQUEID an open bracket takes it along; the call is answered."""
    back = await phone.call("open (here", "first")

    assert back["AI_STATUS"] == "ok"
    assert stub.asked[0].question.startswith("open (here,UNIQUEID=t-")


async def test_the_oldest_form_works(phone: Phone, stub: ModelStub) -> None:
    """USER_INPUT before UNIQUEID, as existing dialplans have it."""
    first = await phone.call("hi, I am Bob", "first")

    assert (first["AI_STATUS"], stub.asked[0].question) == ("ok", "hi, I am Bob")


@pytest.mark.parametrize("said", [None, "", "   "])
async def test_nothing_said(phone: Phone, stub: ModelStub, said: str | None) -> None:
    """No words, empty or blank ones: `no_input`, and no model is asked."""
    back = await phone.call(said)

    assert (back["AI_STATUS"], back["AI_ERROR"]) == ("no_input", "no_input")
    assert (back["ARI_ERROR"], back["SYSTEM_ERROR"]) == ("", "")
    assert back["AI_RESPONSE"] == "Please hold the line."
    assert back.branch == "human"
    assert stub.asked == []


async def test_stasis_without_arguments(phone: Phone, stub: ModelStub) -> None:
    """`Stasis(app)` alone answers the channel variable in a conversation named by the channel."""
    back = await phone.call("hello", "bare")

    assert (back["AI_STATUS"], back["AI_TURN"]) == ("ok", "1")
    assert stub.asked[0].question == "hello"


@pytest.mark.parametrize(
    ("more", "reason"),
    [("AI_TIMEOUT=soon", "ai_timeout.malformed"), ("AI_TIMEOUT=-1", "ai_timeout.malformed")],
)
async def test_malformed_arguments(phone: Phone, stub: ModelStub, more: str, reason: str) -> None:
    """`bad_request` with the name of the argument, in AI_ERROR alone."""
    back = await phone.call("hello", MORE=more)

    assert (back["AI_STATUS"], back["AI_ERROR"]) == ("bad_request", reason)
    assert (back["ARI_ERROR"], back["SYSTEM_ERROR"]) == ("", "")
    assert stub.asked == []


async def test_words_that_are_not_utf8(phone: Phone) -> None:
    """A recogniser that writes Latin-1 gets an answer that says so, and the call goes on."""
    back = await phone.call("x", "latin1")

    assert (back["AI_STATUS"], back["AI_ERROR"]) == ("bad_request", "user_input.not_utf8")
    assert back.branch == "human"
