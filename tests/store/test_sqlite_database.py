"""What is SQLite's alone behind the event loop: its threads, its claim, its disk."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from dialogari.store import sqlite, sqlite_database
from dialogari.store.database import open_database
from dialogari.store.errors import DatabaseInUseError, UnavailableError
from dialogari.store.locks import FileLock
from store.behind import Behind, SqliteBehind
from store.turn_records import CALL, turn

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dialogari.store.store import Store


@pytest.fixture
def behind(sqlite_behind: SqliteBehind) -> Behind:
    """Run each test on SQLite alone."""
    return sqlite_behind


async def test_a_cancelled_waiter_leaves_a_whole_transaction(
    store: Store, sqlite_behind: SqliteBehind
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
    assert sqlite_behind.query("SELECT last_version FROM prompts") == [(7,)]
    assert sqlite_behind.query("SELECT note FROM prompt_versions") == [("seven",)]


async def test_a_database_that_hangs_is_given_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that does not answer costs a turn a bounded wait."""
    monkeypatch.setattr(sqlite_database, "_PATIENCE", 0.05)
    released = threading.Event()

    with pytest.raises(UnavailableError) as failure:
        await store.database.read(lambda _: released.wait(5))
    released.set()

    assert failure.value.reason == "store.timeout"


async def test_no_upgrade_beneath_a_running_bridge(
    sqlite_behind: SqliteBehind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer terminal command refuses to change the tables that a bridge is working on."""
    monkeypatch.setattr(sqlite, "_UPGRADE_SECONDS", 0.2)
    sqlite_behind.execute("VACUUM")
    bridge = FileLock(sqlite_behind.path.with_name("dialogari.db.lock"), like=sqlite_behind.path)
    bridge.acquire(0)
    bridge.sign()
    try:
        with pytest.raises(DatabaseInUseError, match=f"process {os.getpid()}.*restart") as refusal:
            async with open_database(sqlite_behind.url):
                pass
    finally:
        bridge.close()

    assert refusal.value.pid == os.getpid()
    assert sqlite_behind.tables() == set()


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


async def test_connections_are_set_for_durability(store: Store) -> None:
    """The writer commits to disk in write-ahead mode; the readers can't write."""

    def pragmas(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "query_only")
        return [connection.execute(text(f"PRAGMA {name}")).scalar() for name in names]

    assert await store.database.write(pragmas) == ["wal", 2, 1, 5000, 0]
    assert (await store.database.read(pragmas))[4] == 1
    with pytest.raises(UnavailableError, match="may not be written"):
        await store.database.read(lambda reader: reader.execute(text("DELETE FROM prompts")))
