"""The open database: ready or not, whole transactions, bounded waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from dialogari.store.errors import RejectedError, UnavailableError
from dialogari.store.store import Store, open_store
from dialogari.turn import TurnError
from store.behind import Behind, refuse_writes
from store.turn_records import turn

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from store.behind import Behind


async def test_check_writes_the_heartbeat(store: Store, behind: Behind) -> None:
    """A passed check has changed the row that shows it, even where somebody deleted the row."""
    behind.execute("DELETE FROM heartbeat")
    await store.database.check()
    first = behind.query("SELECT beat_at FROM heartbeat")

    await store.database.check()

    assert len(first) == 1
    assert behind.query("SELECT beat_at FROM heartbeat") != first


async def test_check_fails_where_nothing_can_be_written(store: Store) -> None:
    """A database that only reads is not ready."""
    await refuse_writes(store)

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


async def test_a_failed_write_stores_nothing(store: Store, behind: Behind) -> None:
    """A unit of work is stored whole or not at all, and the connection is good for the next."""

    def half(writer: Connection) -> None:
        writer.execute(text("DELETE FROM prompt_versions"))
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        await store.database.write(half)

    await store.database.check()
    assert behind.query("SELECT count(*) FROM prompt_versions") == [(1,)]


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
