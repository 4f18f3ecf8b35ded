"""Callers across their calls, and what is remembered for how long; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dialogari.asked import Asked, Usage
from dialogari.parts import CallerMemory
from dialogari.store.callers import StoredCallers
from dialogari.store.store import Store, open_store
from dialogari.turn import ConversationKey, Message, Role, Status
from store.turn_records import CALL, turn

if TYPE_CHECKING:
    from store.behind import Behind

NOW = datetime.now(UTC)
ADA = "ada@example.com"


async def _said(store: Store, key: ConversationKey, number: int, caller: str, days: float) -> None:
    record = turn(number, key, question=f"{key.id}/{number}", started=NOW - timedelta(days=days))
    await store.history.append(replace(record, caller=caller))


def _questions(messages: list[Message]) -> list[str]:
    return [m.text.rpartition(" ")[2] for m in messages if m.role is Role.CALLER]


async def test_earlier_calls_are_recalled(store: Store) -> None:
    """The newest six turns that ended ok, oldest first, each with its day; no other caller's."""
    for days in (9, 3, 2):
        for number in (1, 2, 3):
            await _said(store, ConversationKey("pbx", f"d{days}"), number, ADA, days - number / 99)
    await _said(store, ConversationKey("pbx", "other"), 1, "bob", 1)
    await _said(store, CALL, 1, ADA, 0)
    failed = turn(1, ConversationKey("pbx", "failed"), status=Status.MODEL_ERROR)
    await store.history.append(replace(failed, caller=ADA))
    memory: CallerMemory = StoredCallers(store.database, timedelta(days=30))

    recalled = list(await memory.recall(ADA, CALL))

    assert _questions(recalled) == ["d3/1", "d3/2", "d3/3", "d2/1", "d2/2", "d2/3"]
    day = f"{NOW - timedelta(days=3 - 1 / 99):%Y-%m-%d}"
    assert recalled[0].text == f"[in an earlier call, on {day}] d3/1"
    assert recalled[1] == Message(Role.ASSISTANT, "At ten.")


async def test_what_is_too_old_is_not_recalled(store: Store) -> None:
    """Nothing from before the days that the operator set; nothing of a stranger."""
    await _said(store, ConversationKey("pbx", "old"), 1, ADA, 8)
    memory = StoredCallers(store.database, timedelta(days=7))

    assert list(await memory.recall(ADA, CALL)) == []
    assert list(await memory.recall("nobody", CALL)) == []


async def test_a_caller_is_forgotten(store: Store, behind: Behind) -> None:
    """All conversations go, with their turns; others stay."""
    for name, caller in (("a", ADA), ("b", ADA), ("c", "bob"), ("d", "")):
        await _said(store, ConversationKey("pbx", name), 1, caller, 1)
    callers = StoredCallers(store.database, timedelta(days=7))

    assert [await callers.forget(ADA), await callers.forget(ADA)] == [2, 0]
    assert behind.query("SELECT question FROM turns ORDER BY question") == [("c/1",), ("d/1",)]


async def test_the_caller_stays_with_the_conversation(store: Store, behind: Behind) -> None:
    """A later turn that names nobody leaves it; one that names another changes it."""
    for number, caller in ((1, ADA), (2, "")):
        await _said(store, CALL, number, caller, 0)
    assert behind.query("SELECT caller FROM conversations") == [(ADA,)]

    await _said(store, CALL, 3, "bob", 0)
    assert behind.query("SELECT caller FROM conversations") == [("bob",)]


async def test_turns_are_remembered_for_a_while(url: str) -> None:
    """With a time to live, older turns are kept and counted, but a model is not told of them."""
    async with open_store(url, history_ttl=timedelta(days=1)) as store:
        await _said(store, CALL, 1, "", 2)
        await _said(store, CALL, 2, "", 0)
        past = await store.history.load(CALL)

    assert (past.turns, _questions(list(past.messages))) == (2, [f"{CALL.id}/2"])


async def test_who_was_asked_and_what_it_cost(store: Store, behind: Behind) -> None:
    """Stands in the turn's row; one request that answered needs no list, an unknown price none."""
    good = Asked("b:y", 1.0, 0.25, 0.1, "", Usage(20, 5, 0.5))
    bad = Asked("a:x", 0.5, 0.125, None, "a.http_500")
    await store.history.append(replace(turn(1), usage=Usage(20, 5, 0.5), asked=[bad, good]))
    await store.history.append(replace(turn(2), asked=[good]))

    first, second = behind.query(
        "SELECT cost, CAST(asked AS TEXT) FROM turns ORDER BY number",
    )
    assert first[0] == 0.5
    assert '"a.http_500"' in str(first[1])
    assert '"b:y"' in str(first[1])
    assert second == (None, None)
