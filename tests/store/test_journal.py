"""The writer of turns: it shares commits, outlives failures, and loses nothing it confirmed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, event, select

from dialogari.store import journal as journal_module
from dialogari.store.database import open_database
from dialogari.store.errors import RejectedError, TurnClashError, UnavailableError
from dialogari.store.journal import Journal
from dialogari.store.store import Store, open_store
from dialogari.store.tables import conversations
from dialogari.turn import ConversationKey, Status, TurnError, TurnRecord
from store.behind import Behind, refuse_writes
from store.turn_records import CALL, turn

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from sqlalchemy import Connection

    from dialogari.store.database import Database


_POISONED = ConversationKey("pbx", "poisoned")


@pytest.fixture
async def database(url: str) -> AsyncGenerator[Database]:
    """Open the database alone."""
    async with open_database(url) as opened:
        yield opened


async def outcomes(
    journal: Journal, records: Sequence[TurnRecord]
) -> Sequence[BaseException | None]:
    """Append all records at once; return what each append raised."""
    return await asyncio.gather(
        *(journal.append(record) for record in records), return_exceptions=True
    )


def numbers(behind: Behind) -> list[object]:
    """Return the numbers of all turns stored."""
    return [row[0] for row in behind.query("SELECT number FROM turns ORDER BY number")]


async def test_turns_at_once_share_their_commits(database: Database, behind: Behind) -> None:
    """A hundred turns of a hundred calls cost two commits, the first and all the others."""
    commits: list[Connection] = []

    def count(connection: Connection) -> None:
        commits.append(connection)

    records = [turn(1, ConversationKey("pbx", str(number))) for number in range(100)]
    journal = Journal(database)
    async with journal.running():
        event.listen(Engine, "commit", count)
        try:
            assert await outcomes(journal, records) == [None] * 100
        finally:
            event.remove(Engine, "commit", count)

    assert 1 <= len(commits) <= 2
    assert behind.query("SELECT count(*) FROM conversations") == [(100,)]
    assert len(numbers(behind)) == 100


async def test_a_transaction_has_a_limit(
    database: Database, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many wait, a transaction takes so many, and the rest follows."""
    monkeypatch.setattr(journal_module, "_BATCH", 10)
    journal = Journal(database)
    async with journal.running():
        assert await outcomes(journal, [turn(number) for number in range(1, 96)]) == [None] * 95

    assert numbers(behind) == list(range(1, 96))


@pytest.mark.parametrize(
    "poison",
    [
        replace(turn(5, _POISONED), number=2**70),
        replace(turn(5, _POISONED), started=datetime(2026, 1, 1)),  # noqa: DTZ001 - refused
        replace(turn(5, _POISONED), question=None),
        replace(turn(5, _POISONED), facts={"key": object()}),
    ],
    ids=["number too large", "naive moment", "no text", "facts of another type"],
)
async def test_a_poisonous_record_fails_alone(
    poison: TurnRecord, database: Database, behind: Behind
) -> None:
    """What the database refuses leaves no trace, takes nobody with it and stops no writer."""
    journal = Journal(database)
    async with journal.running():
        first, second, third = await outcomes(journal, [turn(1), poison, turn(2)])
        await journal.append(turn(3))

    assert (first, third) == (None, None)
    assert isinstance(second, RejectedError)
    assert numbers(behind) == [1, 2, 3]
    assert behind.query("SELECT uniqueid FROM conversations") == [(CALL.id,)]


async def test_the_writer_outlives_a_fault_of_its_own(
    database: Database, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect that fails a whole batch is told to its waiters, and the next batch is stored."""

    def fail(records: Sequence[TurnRecord], connection: Connection) -> None:
        raise RuntimeError(f"a defect with {len(records)} records of {connection}")

    journal = Journal(database)
    async with journal.running():
        with monkeypatch.context() as patch:
            patch.setattr(journal_module, "_store_together", fail)
            patch.setattr(journal_module, "_store_apart", fail)
            failures = await outcomes(journal, [turn(1), turn(2)])
        await journal.append(turn(3))

    assert [type(failure) for failure in failures] == [UnavailableError, UnavailableError]
    assert numbers(behind) == [3]


async def test_a_number_taken_by_another_process_is_busy(store: Store, url: str) -> None:
    """Two processes that answer one conversation at once: the later one is told so."""
    async with open_store(url) as beside:
        await beside.history.append(turn(1, question="theirs"))

    others = [turn(2), turn(1, ConversationKey("pbx", "other"))]
    failed, *stored = await asyncio.gather(
        *(store.history.append(record) for record in (turn(1, question="ours"), *others)),
        return_exceptions=True,
    )

    assert stored == [None, None]
    assert isinstance(failed, TurnError)
    assert (failed.status, failed.reason) == (Status.BUSY, "conversation.concurrent_turn")
    assert (await store.history.load(CALL)).messages[0].text == "theirs"


async def test_the_same_turn_twice_in_one_batch_is_stored_once(
    database: Database, behind: Behind
) -> None:
    """The first of two with one number is kept, also where both wait for the same commit."""
    journal = Journal(database)
    async with journal.running():
        first, second = await outcomes(
            journal, [turn(1, question="first"), turn(1, question="second")]
        )

    assert first is None
    assert isinstance(second, TurnClashError)
    assert behind.query("SELECT question FROM turns") == [("first",)]


async def test_a_database_that_only_reads_fails_turns_by_name(store: Store) -> None:
    """Turns fail as `store.read_only`, on the side of the system, and reading goes on."""
    await store.history.append(turn(1))
    await refuse_writes(store)

    with pytest.raises(TurnError) as failure:
        await store.history.append(turn(2))

    assert (failure.value.status, failure.value.reason) == (Status.ERROR, "store.read_only")
    assert (await store.history.load(CALL)).turns == 1


async def test_a_cancelled_append_is_stored_all_the_same(store: Store, behind: Behind) -> None:
    """A caller who hangs up while the turn is being stored does not undo it, nor harm others."""
    leaving = asyncio.ensure_future(store.history.append(turn(1)))
    staying = asyncio.ensure_future(store.history.append(turn(2)))
    await asyncio.sleep(0)
    leaving.cancel()
    await staying

    assert leaving.cancelled()
    assert numbers(behind) == [1, 2]


async def test_closing_stores_what_still_waits(database: Database, behind: Behind) -> None:
    """Turns that were waiting when the block ended are stored, and their waiters told so."""
    journal = Journal(database)
    async with journal.running():
        waiting = [asyncio.ensure_future(journal.append(turn(number))) for number in range(1, 1001)]
        await asyncio.sleep(0)

    assert await asyncio.gather(*waiting) == [None] * 1000
    assert numbers(behind) == list(range(1, 1001))


async def test_too_many_that_wait_fail_at_once(
    database: Database, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that has stopped does not gather turns without limit."""
    monkeypatch.setattr(journal_module, "_CAPACITY", 3)
    journal = Journal(database)
    async with journal.running():
        async with behind.hanging():
            waiting = [asyncio.ensure_future(journal.append(turn(1)))]
            await asyncio.sleep(0.05)
            waiting += [asyncio.ensure_future(journal.append(turn(n))) for n in (2, 3, 4)]
            await asyncio.sleep(0)
            with pytest.raises(UnavailableError) as refusal:
                await journal.append(turn(5))
        assert await asyncio.gather(*waiting) == [None] * 4

    assert refusal.value.reason == "store.overloaded"


async def test_a_database_that_hangs_does_not_hold_a_turn(
    database: Database, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn waits so long for its commit and no longer."""
    journal = Journal(database)
    async with journal.running(), behind.hanging():
        with monkeypatch.context() as patch:
            patch.setattr(journal_module, "_PATIENCE", 0.05)
            with pytest.raises(UnavailableError) as refusal:
                await journal.append(turn(1))

    assert refusal.value.reason == "store.timeout"


async def test_what_the_block_raises_comes_out_unwrapped(database: Database) -> None:
    """The task behind the journal does not turn an exception of the application into a group."""
    with pytest.raises(KeyError, match="ours"):
        async with Journal(database).running():
            raise KeyError("ours")


async def test_conversations_remember_their_first_and_last_turn(store: Store, url: str) -> None:
    """A conversation is made by its first turn and dated by its last, also within one batch."""
    records = [turn(number) for number in (1, 2, 3)]
    await asyncio.gather(*(store.history.append(record) for record in records))

    async with open_database(url) as database:
        (row,) = await database.read(lambda reader: reader.execute(select(conversations)).all())
    assert row[1:5] == (CALL.server, CALL.id, records[0].started, records[2].started)
