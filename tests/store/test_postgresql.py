"""PostgreSQL: limits of its connections, many bridges on one server, what they may."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from dialogari.store.errors import RejectedError, UnavailableError
from dialogari.store.store import Store, open_store
from dialogari.turn import (
    ConversationKey,
    Past,
    Prompt,
    Status,
    TurnError,
)
from store.behind import Behind, PostgresqlBehind
from store.turn_records import CALL, turn

if TYPE_CHECKING:
    from sqlalchemy import Connection


@pytest.fixture
def behind(postgresql_behind: PostgresqlBehind) -> Behind:
    """Run each test on PostgreSQL alone."""
    return postgresql_behind


def settings_of(connection: Connection) -> dict[str, str]:
    """Return what limits a connection."""
    names = (
        *("statement_timeout", "idle_in_transaction_session_timeout"),
        *("default_transaction_read_only", "application_name"),
    )
    return {name: connection.execute(text(f"SHOW {name}")).scalar_one() for name in names}


async def test_connections_have_limits_and_readers_only_read(store: Store) -> None:
    """A statement has 5 s, a transaction may idle 3 s, and a reader can't write."""
    limits = {
        "statement_timeout": "5s",
        "idle_in_transaction_session_timeout": "3s",
        "application_name": "dialogari",
    }
    assert await store.database.write(settings_of) == {
        **limits,
        "default_transaction_read_only": "off",
    }
    assert await store.database.read(settings_of) == {
        **limits,
        "default_transaction_read_only": "on",
    }
    with pytest.raises(UnavailableError) as failure:
        await store.database.read(lambda reader: reader.execute(text("DELETE FROM prompts")))
    assert failure.value.reason == "store.read_only"


async def test_a_statement_that_takes_too_long_is_broken_off(store: Store) -> None:
    """The server ends it, says so, and the connection goes on."""

    def slow(writer: Connection) -> None:
        writer.execute(text("SET LOCAL statement_timeout = '50ms'"))
        writer.execute(text("SELECT pg_sleep(5)"))

    with pytest.raises(UnavailableError) as failure:
        await store.database.write(slow)
    await store.database.check()

    assert failure.value.reason == "store.timeout"


async def test_more_reads_than_connections_wait_their_turn(store: Store) -> None:
    """Two hundred calls that load at once share four connections, and leave one to the journal."""
    await store.history.append(turn(1))

    async with asyncio.TaskGroup() as tasks:
        loads = [tasks.create_task(store.history.load(CALL)) for _ in range(200)]

    assert {load.result().turns for load in loads} == {1}
    connections = await store.database.read(
        lambda reader: reader.execute(
            text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        ).scalar_one()
    )
    assert connections == 5


async def test_a_cancelled_write_is_whole_or_nothing(store: Store, behind: Behind) -> None:
    """Whoever stops waiting in the middle of a transaction leaves none of it behind."""
    half_way = asyncio.Event()

    def slow(writer: Connection) -> None:
        writer.execute(text("UPDATE prompts SET last_version = 7"))
        half_way.set()
        writer.execute(text("SELECT pg_sleep(5)"))

    began = time.monotonic()
    waiter = asyncio.ensure_future(store.database.write(slow))
    await half_way.wait()
    waiter.cancel()
    await asyncio.wait({waiter})
    await store.database.check()

    assert waiter.cancelled()
    assert time.monotonic() - began < 3
    assert behind.query("SELECT last_version FROM prompts") == [(1,)]


async def test_many_bridges_share_one_server(url: str, behind: Behind) -> None:
    """Each opens as the bridge does; calls that both have turns of are stored by both."""
    calls = [ConversationKey("pbx", str(number)) for number in range(50)]
    async with open_store(url, exclusive=True) as one, open_store(url, exclusive=True) as other:
        for number in range(1, 11, 2):
            # The one begins with the first call, the other with the last.
            await asyncio.gather(
                *(one.history.append(turn(number, call)) for call in calls),
                *(other.history.append(turn(number + 1, call)) for call in reversed(calls)),
            )

    assert behind.query("SELECT count(*) FROM turns") == [(500,)]


async def test_one_turn_of_two_bridges_is_stored_once(url: str, behind: Behind) -> None:
    """Of two bridges that store the same turn at the same moment, one is told it was too late."""
    async with open_store(url, exclusive=True) as one, open_store(url, exclusive=True) as other:
        for number in range(1, 21):
            outcomes = await asyncio.gather(
                *(store.history.append(turn(number)) for store in (one, other)),
                return_exceptions=True,
            )
            (refused,) = [outcome for outcome in outcomes if outcome is not None]
            assert isinstance(refused, TurnError)
            assert (refused.status, refused.reason) == (
                Status.BUSY,
                "conversation.concurrent_turn",
            )

    assert behind.query("SELECT count(*) FROM turns") == [(20,)]


_HOLDER = """
import asyncio, os, signal, sys
from dialogari.store.journal import store_together
from dialogari.store.store import open_store
from store.turn_records import turn
def freeze(writer):
    store_together([turn(1)], writer)
    print("held", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
async def main():
    async with open_store(sys.argv[1]) as store:
        await store.database.write(freeze)
asyncio.run(main())
"""


async def test_a_bridge_that_freezes_in_a_transaction_holds_nobody_for_long(
    store: Store, url: str
) -> None:
    """What it had not committed is rolled back in 3 s, and the call goes on at another bridge."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with subprocess.Popen(  # noqa: S603, ASYNC220 - our own program
        [sys.executable, "-c", _HOLDER, url],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as frozen:
        try:
            assert frozen.stdout is not None
            assert await asyncio.to_thread(frozen.stdout.readline) == b"held\n"
            began = time.monotonic()
            await store.history.append(turn(1))
            waited = time.monotonic() - began
        finally:
            frozen.kill()

    assert 1 < waited < 4.9


async def test_a_user_without_rights_is_told_what_to_grant(
    postgresql_behind: PostgresqlBehind,
) -> None:
    """A user who may connect but make no tables stops the start with the word for it."""
    server = postgresql_behind.server
    postgresql_behind.execute(
        "DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD 'g';"
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    )
    url = f"postgresql://guest:g@127.0.0.1:{server.port}/{postgresql_behind.name}"

    with pytest.raises(UnavailableError, match="grant") as failure:
        async with open_store(url):
            pass

    assert failure.value.reason == "store.read_only"
    assert postgresql_behind.tables() == set()


async def test_a_server_without_a_free_connection_says_so(
    store: Store, postgresql_behind: PostgresqlBehind
) -> None:
    """A limit reached by others fails a turn by its name."""
    postgresql_behind.execute(f"ALTER DATABASE {postgresql_behind.name} CONNECTION LIMIT 0")
    postgresql_behind.execute("DROP ROLE IF EXISTS limited; CREATE ROLE limited LOGIN PASSWORD 'g'")
    url = (
        f"postgresql://limited:g@127.0.0.1:{postgresql_behind.server.port}/{postgresql_behind.name}"
    )

    with pytest.raises(UnavailableError, match="max_connections") as failure:
        async with open_store(url):
            pass
    await store.database.check()

    assert failure.value.reason == "store.overloaded"


async def test_an_edit_by_two_at_once_makes_two_versions(url: str) -> None:
    """Prompts set from several machines at once are all kept, none with another's number."""

    async def edit(name: str) -> None:
        async with open_store(url) as beside:
            for _ in range(10):
                await beside.prompts.set_prompt(Prompt("shared", name))

    async with asyncio.TaskGroup() as editors:
        for name in "abcd":
            editors.create_task(edit(name))

    async with open_store(url) as store:
        assert len(await store.prompts.list_versions("shared")) == 40
        assert await store.history.load(CALL) == Past(messages=[], turns=0)
        with pytest.raises(RejectedError):
            await store.database.write(lambda writer: writer.execute(text("SELECT nothing()")))
