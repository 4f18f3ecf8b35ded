"""What a conversation remembers, and that it comes back byte for byte."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dialogari.asked import Usage
from dialogari.parts import History
from dialogari.store.store import Store, open_store
from dialogari.tool import ToolCall, ToolStatus
from dialogari.turn import ConversationKey, Message, Past, Role, Status, TurnError
from store.turn_records import CALL, turn

if TYPE_CHECKING:
    from store.behind import Behind

TEXTS = [
    "",
    " blanks \t and\r\n lines \n",
    "¿Cuánto cuesta? Über 5 €, señor",
    "family 👨‍👩‍👧‍👦, flag 🇪🇸, 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "\x01\x1b[31m\x7f\x85\u2028",
    "e\u0301 is not \u00e9",
    "'; DROP TABLE turns; -- \\ \" ` % :name ? {x}",
    "á" * 10_000,
    "x" * 20_000,
]


async def test_a_new_conversation_is_empty(store: Store) -> None:
    """Nothing was said before the first turn."""
    history: History = store.history

    assert await history.load(CALL) == Past(messages=[], turns=0)


async def test_a_conversation_survives_a_restart(url: str) -> None:
    """What was appended before the store closed is loaded after it opened again, in order."""
    async with open_store(url, exclusive=True) as store:
        await store.history.append(turn(1, question="When do you open?", answer="At ten."))
        await store.history.append(turn(2, question="And on Sunday?", answer="Closed."))

    async with open_store(url, exclusive=True) as store:
        past = await store.history.load(CALL)

    assert past.turns == 2
    assert past.messages == [
        Message(Role.CALLER, "When do you open?"),
        Message(Role.ASSISTANT, "At ten."),
        Message(Role.CALLER, "And on Sunday?"),
        Message(Role.ASSISTANT, "Closed."),
    ]


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
async def test_turns_that_failed_count_but_are_not_remembered(status: Status, store: Store) -> None:
    """A failed turn has its number and its row, but the model is not told of it."""
    await store.history.append(turn(1, question="kept"))
    await store.history.append(turn(2, question="lost", answer="", status=status))

    past = await store.history.load(CALL)

    assert past.turns == 2
    assert [message.text for message in past.messages] == ["kept", "At ten."]


async def test_the_newest_fifty_turns_are_remembered(store: Store) -> None:
    """A call without end costs a bounded number of tokens; its numbers go on."""
    for number in range(1, 61):
        await store.history.append(turn(number, question=str(number)))

    past = await store.history.load(CALL)

    assert past.turns == 60
    assert [message.text for message in past.messages[::2]] == [str(n) for n in range(11, 61)]


async def test_conversations_are_told_apart_by_server_and_id(store: Store) -> None:
    """Two servers may give two calls the same id; neither hears the other."""
    keys = [ConversationKey("a", "1.1"), ConversationKey("b", "1.1"), ConversationKey("", "a/1.1")]
    for key in keys:
        await store.history.append(turn(1, key, question=f"{key.server} {key.id}"))

    for key in keys:
        past = await store.history.load(key)
        assert [message.text for message in past.messages][::2] == [f"{key.server} {key.id}"]


@pytest.mark.parametrize("text", TEXTS, ids=[str(index) for index in range(len(TEXTS))])
async def test_texts_are_kept_byte_for_byte(text: str, store: Store, behind: Behind) -> None:
    """Question, answer, id and facts come back as they went in, whatever characters they have."""
    key = ConversationKey("pbx", text[:512])
    record = turn(1, key, question=text, answer=text, facts={text: text})

    await store.history.append(record)
    past = await store.history.load(key)

    assert [message.text for message in past.messages] == [text, text]
    (row,) = behind.query("SELECT question, CAST(facts AS TEXT) FROM turns")
    assert row[0] == text
    assert json.loads(str(row[1])) == {text: text}


async def test_an_id_is_as_long_as_both_databases_take(store: Store) -> None:
    """512 characters of four bytes are kept; one more is refused before a model is asked."""
    longest = "".join(chr(0x1F300 + number) for number in range(512))

    await store.history.append(turn(1, ConversationKey("pbx" * 20, longest)))
    past = await store.history.load(ConversationKey("pbx" * 20, longest))
    with pytest.raises(TurnError) as refusal:
        await store.history.load(ConversationKey("pbx", longest + "x"))

    assert past.turns == 1
    assert str(refusal.value) == "bad_request: conversation.id_too_long"


async def test_nul_is_replaced_and_harms_nobody(store: Store) -> None:
    """A NUL, which PostgreSQL takes in no text, is stored as U+FFFD wherever it stands."""
    nul = "a\0b\0"
    key = ConversationKey(nul, nul)

    await store.history.append(turn(1, key, question=nul, answer=nul, facts={nul: nul}))

    past = await store.history.load(key)
    assert [message.text for message in past.messages] == ["a\ufffdb\ufffd"] * 2


async def test_half_characters_are_replaced_and_harm_nobody(store: Store) -> None:
    """A lone surrogate, which no database takes, is stored as U+FFFD wherever it stands."""
    half = "caf\udce9"
    key = ConversationKey(half, half)

    await store.history.append(turn(1, key, question=half, answer=half, facts={half: half}))

    past = await store.history.load(key)
    assert [message.text for message in past.messages] == ["caf\ufffd", "caf\ufffd"]


async def test_tool_calls_come_back_whole(store: Store, behind: Behind) -> None:
    """Each with all it had, whatever characters its arguments and outcome have."""
    arguments: dict[str, Any] = {
        "day": "Montag \U0001f1ea\U0001f1f8",
        "n": [1, 2.5, None, {"a": True}],
    }
    calls = (
        ToolCall("c1", "hours", arguments, 1, ToolStatus.OK, "", '{"open":"nine"}', 0.25),
        ToolCall("c2", "hours", {}, 2, ToolStatus.FAILED, "http_500", "refused", 1.5),
    )
    await store.history.append(replace(turn(1), tool_calls=calls))
    await store.history.append(turn(2))

    past = await store.history.load(CALL)

    assert [message.tool_calls for message in past.messages] == [(), calls, (), ()]
    rows = behind.query("SELECT number FROM turns WHERE tool_calls IS NULL")
    assert rows == [(2,)]


async def test_odd_characters_in_tool_calls_harm_nobody(store: Store) -> None:
    """NUL and half characters, which no database takes, are replaced in keys, values and texts."""
    odd = "a\0b\udce9"
    call = ToolCall(odd, odd, {odd: [odd, {odd: odd}]}, 1, ToolStatus.OK, "", odd)

    await store.history.append(replace(turn(1), tool_calls=(call,)))

    (found,) = (await store.history.load(CALL)).messages[1].tool_calls
    text = "a\ufffdb\ufffd"
    assert (found.name, found.result) == (text, text)
    assert found.arguments == {text: [text, {text: text}]}


async def test_every_field_of_a_turn_can_be_read_by_hand(store: Store, behind: Behind) -> None:
    """The row says in plain columns what the turn's record said."""
    facts = {"customer": "Núñez", "queue": "7"}
    record = turn(1, status=Status.MODEL_ERROR, facts=facts)

    await store.history.append(record)

    (row,) = behind.query(
        "SELECT uniqueid, number, status, reason, question, answer, prompt, prompt_version, model,"
        " input_tokens, output_tokens, seconds, facts ->> 'customer'"
        " FROM turns JOIN conversations ON conversations.id = conversation_id",
    )
    assert row == (
        *(CALL.id, 1, "model_error", "model.failed", "When do you open?", "At ten.", "default"),
        *(1, "local:test", 20, 5, 0.25, "Núñez"),
    )


async def test_a_store_that_cannot_be_read_is_a_status(store: Store, behind: Behind) -> None:
    """A failing read ends as a TurnError with a reason, on the system's side."""
    behind.execute("DROP TABLE turns")

    with pytest.raises(TurnError) as failure:
        await store.history.load(CALL)

    assert str(failure.value) == "error: store.unavailable"


async def test_a_turn_that_is_told_piece_by_piece(store: Store, behind: Behind) -> None:
    """Amended, the row of its number holds what came last, and no other turn is touched."""
    other = ConversationKey("pbx", "other")
    await store.history.append(turn(1, other, answer="Theirs."))
    await store.history.append(turn(1, answer="One."))
    await store.history.append(turn(2, answer="Next."))
    used = ToolCall("c", "hours", {}, 1, ToolStatus.OK, "", "ten", 0.1)

    await store.history.amend(
        replace(turn(1, answer="One. Two."), usage=Usage(7, 8), seconds=2.0, tool_calls=[used])
    )

    assert [m.text for m in (await store.history.load(CALL)).messages] == [
        *("When do you open?", "One. Two."),
        *("When do you open?", "Next."),
    ]
    assert (await store.history.load(CALL)).messages[1].tool_calls == (used,)
    assert (await store.history.load(other)).messages[1].text == "Theirs."
    rows = behind.query("SELECT output_tokens FROM turns WHERE answer = 'One. Two.'")
    assert [tuple(row) for row in rows] == [(8,)]


async def test_a_turn_that_was_forgotten_is_not_amended(store: Store, behind: Behind) -> None:
    """Nothing comes back, and what is stored beside it is."""
    await asyncio.gather(store.history.amend(turn(1)), store.history.append(turn(2)))

    assert [row[0] for row in behind.query("SELECT number FROM turns")] == [2]


async def test_what_was_told_before_a_failure_is_remembered(store: Store) -> None:
    """The caller has heard it."""
    await store.history.append(turn(1, answer="One."))
    await store.history.amend(turn(1, answer="One.", status=Status.MODEL_ERROR))

    assert [m.text for m in (await store.history.load(CALL)).messages][1:] == ["One."]


async def test_facts_that_were_kept_come_back(store: Store) -> None:
    """Those of the newest turn, which holds all of them, whether it ended ok or not."""
    await store.history.append(replace(turn(1), kept={"NAME": "Ann", "CITY": "Oslo"}))
    await store.history.append(replace(turn(2, status=Status.TIMEOUT), kept={"NAME": "Bob"}))

    assert (await store.history.load(CALL)).kept == {"NAME": "Bob"}
