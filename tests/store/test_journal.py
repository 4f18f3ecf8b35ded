"""The writer of turns: it shares commits, outlives failures, and loses nothing it confirmed."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, event

from dialogari.store import journal as journal_module
from dialogari.store.database import open_database
from dialogari.store.errors import RejectedError, TurnClashError, UnavailableError
from dialogari.store.journal import Journal
from dialogari.store.store import Store, open_store
from dialogari.turn import ConversationKey, Status, TurnError, TurnRecord
from store.turn_records import CALL, query, turn

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

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


def numbers(database_file: Path) -> list[object]:
    """Return the numbers of all turns stored."""
    return [row[0] for row in query(database_file, "SELECT number FROM turns ORDER BY number")]


async def test_turns_at_once_share_their_commits(database: Database, database_file: Path) -> None:
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
    assert query(database_file, "SELECT count(*) FROM conversations") == [(100,)]
    assert len(numbers(database_file)) == 100


async def test_a_transaction_has_a_limit(
    database: Database, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many wait, a transaction takes so many, and the rest follows."""
    monkeypatch.setattr(journal_module, "_BATCH", 10)
    journal = Journal(database)
    async with journal.running():
        assert await outcomes(journal, [turn(number) for number in range(1, 96)]) == [None] * 95

    assert numbers(database_file) == list(range(1, 96))


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
    poison: TurnRecord, database: Database, database_file: Path
) -> None:
    """What the database refuses leaves no trace, takes nobody with it and stops no writer."""
    journal = Journal(database)
    async with journal.running():
        first, second, third = await outcomes(journal, [turn(1), poison, turn(2)])
        await journal.append(turn(3))

    assert (first, third) == (None, None)
    assert isinstance(second, RejectedError)
    assert numbers(database_file) == [1, 2, 3]
    assert query(database_file, "SELECT uniqueid FROM conversations") == [(CALL.id,)]


async def test_the_writer_outlives_a_fault_of_its_own(
    database: Database, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect that fails a whole batch is told to its waiters, and the next batch is stored."""

    def fail(records: Sequence[TurnRecord], connection: Connection) -> None:
        raise RuntimeError(f"a defect with {len(records)} records of {connection}")

    journal = Journal(database)
    async with journal.running():
        with monkeypatch.context() as patch:
            patch.setattr(journal_module, "store_together", fail)
            patch.setattr(journal_module, "store_apart", fail)
            failures = await outcomes(journal, [turn(1), turn(2)])
        await journal.append(turn(3))

    assert [type(failure) for failure in failures] == [UnavailableError, UnavailableError]
    assert numbers(database_file) == [3]


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
    database: Database, database_file: Path
) -> None:
    """The first of two with one number is kept, also where both wait for the same commit."""
    journal = Journal(database)
    async with journal.running():
        first, second = await outcomes(
            journal, [turn(1, question="first"), turn(1, question="second")]
        )

    assert first is None
    assert isinstance(second, TurnClashError)
    assert query(database_file, "SELECT question FROM turns") == [("first",)]


async def test_a_full_disk_fails_turns_by_name_and_is_outlived(store: Store) -> None:
    """Turns fail as `store.disk_full` until there is room again, whichever batch they are in."""
    await store.database.write(lambda writer: writer.exec_driver_sql("PRAGMA max_page_count=1"))
    large = [turn(number, answer="x" * 5000) for number in range(1, 30)]

    failures = await asyncio.gather(
        *(store.history.append(record) for record in large), return_exceptions=True
    )
    await store.database.write(lambda writer: writer.exec_driver_sql("PRAGMA max_page_count=9999"))
    await store.history.append(turn(1))

    assert {str(failure) for failure in failures} == {"error: store.disk_full"}
    assert (await store.history.load(CALL)).turns == 1


async def test_a_database_that_only_reads_fails_turns_by_name(store: Store) -> None:
    """Turns fail as `store.read_only`, on the side of the system, and reading goes on."""
    await store.history.append(turn(1))
    await store.database.write(lambda writer: writer.exec_driver_sql("PRAGMA query_only=ON"))

    with pytest.raises(TurnError) as failure:
        await store.history.append(turn(2))

    assert (failure.value.status, failure.value.reason) == (Status.ERROR, "store.read_only")
    assert (await store.history.load(CALL)).turns == 1


async def test_a_cancelled_append_is_stored_all_the_same(store: Store, database_file: Path) -> None:
    """A caller who hangs up while the turn is being stored does not undo it, nor harm others."""
    leaving = asyncio.ensure_future(store.history.append(turn(1)))
    staying = asyncio.ensure_future(store.history.append(turn(2)))
    await asyncio.sleep(0)
    leaving.cancel()
    await staying

    assert leaving.cancelled()
    assert numbers(database_file) == [1, 2]


async def test_closing_stores_what_still_waits(database: Database, database_file: Path) -> None:
    """Turns that were waiting when the block ended are stored, and their waiters told so."""
    journal = Journal(database)
    async with journal.running():
        waiting = [asyncio.ensure_future(journal.append(turn(number))) for number in range(1, 1001)]
        await asyncio.sleep(0)

    assert await asyncio.gather(*waiting) == [None] * 1000
    assert numbers(database_file) == list(range(1, 1001))


async def test_too_many_that_wait_fail_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that has stopped does not gather turns without limit."""
    monkeypatch.setattr(journal_module, "_CAPACITY", 3)
    stopped, go_on = threading.Event(), threading.Event()

    def stop(_: Connection) -> None:
        stopped.set()
        go_on.wait(5)

    journal = Journal(database)
    async with journal.running():
        blocking = asyncio.ensure_future(database.write(stop))
        await asyncio.to_thread(stopped.wait, 5)
        waiting = [asyncio.ensure_future(journal.append(turn(1)))]
        await asyncio.sleep(0.01)
        waiting += [asyncio.ensure_future(journal.append(turn(number))) for number in (2, 3, 4)]
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError) as refusal:
            await journal.append(turn(5))
        go_on.set()
        await blocking
        assert await asyncio.gather(*waiting) == [None] * 4

    assert refusal.value.reason == "store.overloaded"


async def test_a_database_that_hangs_does_not_hold_a_turn(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn waits so long for its commit and no longer."""
    stopped, go_on = threading.Event(), threading.Event()

    def stop(_: Connection) -> None:
        stopped.set()
        go_on.wait(5)

    journal = Journal(database)
    async with journal.running():
        blocking = asyncio.ensure_future(database.write(stop))
        await asyncio.to_thread(stopped.wait, 5)
        with monkeypatch.context() as patch:
            patch.setattr(journal_module, "_PATIENCE", 0.05)
            with pytest.raises(UnavailableError) as refusal:
                await journal.append(turn(1))
        go_on.set()
        await blocking

    assert refusal.value.reason == "store.timeout"


async def test_what_the_block_raises_comes_out_unwrapped(database: Database) -> None:
    """The task behind the journal does not turn an exception of the application into a group."""
    with pytest.raises(KeyError, match="ours"):
        async with Journal(database).running():
            raise KeyError("ours")


async def test_conversations_remember_their_first_and_last_turn(
    store: Store, database_file: Path
) -> None:
    """A conversation is made by its first turn and dated by its last, also within one batch."""
    records = [turn(number) for number in (1, 2, 3)]
    await asyncio.gather(*(store.history.append(record) for record in records))

    (row,) = query(
        database_file, "SELECT server, uniqueid, created_at, last_turn_at FROM conversations"
    )
    started = [record.started.replace(tzinfo=None).isoformat(" ") for record in records]
    assert row == (CALL.server, CALL.id, started[0], started[2])
