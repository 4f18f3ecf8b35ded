"""Summaries stand in place of the turns they cover, and go with them; on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from dialogari.parts import SummaryShelf
from dialogari.remembered import Mark, Summary
from dialogari.store.store import Store, open_store
from dialogari.turn import ConversationKey, Past, Status, TurnError
from store.behind import refuse_writes
from store.turn_records import CALL, turn

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from store.behind import Behind

NOW = datetime.now(UTC)


@pytest.fixture
async def store(url: str) -> AsyncGenerator[Store]:
    """Open the store as a bridge with HISTORY_SUMMARY does."""
    async with open_store(url, exclusive=True, history_summary=True) as opened:
        yield opened


def _began(number: int) -> datetime:
    return NOW - timedelta(days=60 - number)


async def _say(store: Store, first: int, last: int, key: ConversationKey = CALL) -> None:
    for number in range(first, last + 1):
        record = turn(number, key, question=str(number), started=_began(number))
        await store.history.append(record)


def _questions(past: Past) -> list[str]:
    return [message.text for message in past.messages[::2]]


async def test_it_stands_in_place_of_what_it_covers(store: Store) -> None:
    """The turns behind it are told in full; a conversation of the same name has none of it."""
    other = ConversationKey("other", CALL.id)
    shelf: SummaryShelf = store.history
    await _say(store, 1, 4)
    await _say(store, 1, 4, other)
    summary = Summary("Ærø \U0001f4de 'x'", 3, _began(1))

    await shelf.keep_summary(CALL, summary)
    past = await store.history.load(CALL)

    assert (past.summary, _questions(past), past.turns) == (summary, ["4"], 4)
    assert list(past.marks) == [Mark(4, _began(4))]
    untold = await store.history.load(other)
    assert (untold.summary, _questions(untold)) == (None, ["1", "2", "3", "4"])
    assert [mark.number for mark in untold.marks] == [1, 2, 3, 4]


async def test_marks_name_the_turns_of_the_messages(store: Store) -> None:
    """A turn that failed has neither."""
    await _say(store, 1, 1)
    await store.history.append(turn(2, answer="", status=Status.TIMEOUT))
    await _say(store, 3, 3)

    past = await store.history.load(CALL)

    assert [mark.number for mark in past.marks] == [1, 3]
    assert _questions(past) == ["1", "3"]


async def test_the_one_that_covers_more_stays(store: Store) -> None:
    """Two bridges may sum up the same conversation; the later one of them may know less."""
    await _say(store, 1, 6)
    for text, turns in (("first", 2), ("more", 4), ("less", 3)):
        await store.history.keep_summary(CALL, Summary(text, turns, _began(1)))

    assert (await store.history.load(CALL)).summary == Summary("more", 4, _began(1))


async def test_a_forgotten_conversation_stays_forgotten(store: Store, behind: Behind) -> None:
    """Summed up meanwhile, nothing of it comes back, not even where its name is used again."""
    await _say(store, 1, 4)
    summary = Summary("secret", 2, _began(1))
    await store.history.keep_summary(CALL, summary)

    await store.conversations.forget_conversation(CALL.id)
    await store.history.keep_summary(CALL, summary)
    assert (await store.history.load(CALL)).summary is None
    await store.history.append(turn(1))
    await store.history.append(turn(2))
    await store.history.keep_summary(CALL, summary)

    assert (await store.history.load(CALL)).summary is None
    assert behind.query("SELECT summary, summary_turns, summary_since FROM conversations") == [
        (None, None, None)
    ]


async def test_it_grows_old_with_its_oldest_turn(url: str) -> None:
    """Then it is told no more, and the turns that are young enough are told in full again."""
    ttl = timedelta(days=57.5)
    async with open_store(url, history_ttl=ttl, history_summary=True) as store:
        await _say(store, 1, 6)
        await store.history.keep_summary(CALL, Summary("old", 4, _began(2)))
        expired = await store.history.load(CALL)
        await store.history.keep_summary(CALL, Summary("new", 4, _began(3)))
        renewed = await store.history.load(CALL)

    assert (expired.summary, _questions(expired)) == (None, ["3", "4", "5", "6"])
    assert renewed.summary == Summary("new", 4, _began(3))
    assert _questions(renewed) == ["5", "6"]


async def test_turned_off_it_does_not_count(url: str) -> None:
    """All turns are told in full, as before there were summaries."""
    async with open_store(url, history_summary=True) as store:
        await _say(store, 1, 3)
        await store.history.keep_summary(CALL, Summary("x", 2, _began(1)))

    async with open_store(url) as store:
        past = await store.history.load(CALL)

    assert (past.summary, _questions(past)) == (None, ["1", "2", "3"])


async def test_odd_characters_harm_nobody(store: Store) -> None:
    """NUL and half characters are replaced, as everywhere."""
    await _say(store, 1, 2)
    await store.history.keep_summary(CALL, Summary("a\0b\udce9", 1, _began(1)))

    summary = (await store.history.load(CALL)).summary
    assert summary is not None
    assert summary.text == "a\ufffdb\ufffd"


async def test_a_store_that_refuses_is_a_status(store: Store) -> None:
    """With a reason."""
    await _say(store, 1, 2)
    await refuse_writes(store)

    with pytest.raises(TurnError, match="store"):
        await store.history.keep_summary(CALL, Summary("x", 1, _began(1)))
