"""The open database: ready or not, whole transactions, bounded waits."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from dialogari.store import database as database_module
from dialogari.store.errors import RejectedError, UnavailableError
from dialogari.store.store import Store, open_store
from dialogari.turn import TurnError
from store.turn_records import execute, query, turn

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection


async def test_check_writes_the_heartbeat(store: Store, database_file: Path) -> None:
    """A passed check has changed the row that shows it, even where somebody deleted the row."""
    execute(database_file, "DELETE FROM heartbeat")
    await store.database.check()
    first = query(database_file, "SELECT beat_at FROM heartbeat")

    await store.database.check()

    assert len(first) == 1
    assert query(database_file, "SELECT beat_at FROM heartbeat") != first


async def test_check_fails_where_nothing_can_be_written(store: Store) -> None:
    """A database that only reads is not ready."""
    await store.database.write(lambda writer: writer.exec_driver_sql("PRAGMA query_only=ON"))

    with pytest.raises(UnavailableError) as failure:
        await store.database.check()

    assert failure.value.reason == "store.read_only"


async def test_a_statement_the_database_refuses_is_no_outage(store: Store) -> None:
    """What one statement did wrong is told apart from a database that fails."""
    with pytest.raises(RejectedError):
        await store.database.write(
            lambda writer: writer.execute(text("INSERT INTO heartbeat (id) VALUES (NULL)"))
        )

    await store.database.check()


async def test_a_failed_write_stores_nothing(store: Store, database_file: Path) -> None:
    """A unit of work is stored whole or not at all, and the connection is good for the next."""

    def half(writer: Connection) -> None:
        writer.execute(text("DELETE FROM prompt_versions"))
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        await store.database.write(half)

    await store.database.check()
    assert query(database_file, "SELECT count(*) FROM prompt_versions") == [(1,)]


async def test_a_cancelled_waiter_leaves_a_whole_transaction(
    store: Store, database_file: Path
) -> None:
    """Work that has begun is finished in its thread, whoever stopped waiting for it."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(writer: Connection) -> None:
        writer.execute(text("UPDATE prompts SET last_version = 7"))
        begun.set()
        go_on.wait(5)
        writer.execute(text("UPDATE prompt_versions SET note = 'seven'"))

    waiter = asyncio.ensure_future(store.database.write(slow))
    await asyncio.to_thread(begun.wait, 5)
    waiter.cancel()
    go_on.set()
    await store.database.check()

    assert waiter.cancelled()
    assert query(database_file, "SELECT last_version FROM prompts") == [(7,)]
    assert query(database_file, "SELECT note FROM prompt_versions") == [("seven",)]


async def test_a_database_that_hangs_is_given_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that does not answer costs a turn a bounded wait."""
    monkeypatch.setattr(database_module, "_PATIENCE", 0.05)
    released = threading.Event()

    with pytest.raises(UnavailableError) as failure:
        await store.database.read(lambda _: released.wait(5))
    released.set()

    assert failure.value.reason == "store.timeout"


async def test_a_closed_database_says_so(url: str) -> None:
    """Whoever still holds the store after its block gets a clear refusal."""
    async with open_store(url) as store:
        pass

    with pytest.raises(UnavailableError) as failure:
        await store.database.check()
    with pytest.raises(TurnError) as refusal:
        await store.history.append(turn(1))

    assert failure.value.reason == "store.closed"
    assert refusal.value.reason == "store.closed"
