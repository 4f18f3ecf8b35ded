"""A PostgreSQL that stops, restarts or falls silent: turns have a reason, and then go on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import pytest

from dialogari.asked import Usage
from dialogari.conversation import Conversations
from dialogari.store import postgresql as postgresql_module
from dialogari.store.errors import UnavailableError
from dialogari.turn import AgentDone, Status, TurnError, TurnRequest
from store.behind import Behind, PostgresqlBehind
from store.turn_records import CALL, turn

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from dialogari.store.store import Store
    from dialogari.turn import AgentEvent, AgentRequest
    from postgresql_server import PostgresqlServer


@pytest.fixture
def behind(postgresql_behind: PostgresqlBehind) -> Behind:
    """Run each test on PostgreSQL alone."""
    return postgresql_behind


class FixedAgent:
    """Answers always the same, and does something of a test's meanwhile."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.meanwhile = meanwhile

    def resolve(self, model: str | None) -> str:
        return model or "fixed"

    async def reply(self, request: AgentRequest) -> AsyncGenerator[AgentEvent]:
        self.meanwhile()
        yield AgentDone(f"You said {request.question}", Usage())


@contextmanager
def stopped(server: PostgresqlServer) -> Generator[None]:
    """Stop the server for the length of the block."""
    server.stop()
    try:
        yield
    finally:
        server.start()


async def test_a_server_that_stops_in_a_turn_fails_it_and_is_outlived(
    store: Store, postgresql: PostgresqlServer
) -> None:
    """The turn has a reason well before its deadline, so have those without a server; then on."""
    agent = FixedAgent(postgresql.stop)
    conversations = Conversations(agent, store.history, store.catalogue, deadline=5, fallback="")
    request = TurnRequest("hello", CALL)
    try:
        began = time.monotonic()
        broken = await conversations.take_turn(request)
        away = await conversations.take_turn(request)
        seconds = time.monotonic() - began
        with pytest.raises(UnavailableError):
            await store.database.check()
    finally:
        postgresql.start()
    agent.meanwhile = lambda: None

    after = [await conversations.take_turn(request) for _ in range(2)]

    assert (broken.status, broken.reason) == (Status.ERROR, "store.unavailable")
    assert (away.status, away.reason) == (Status.ERROR, "store.unavailable")
    assert seconds < 3
    assert [(response.status, response.number) for response in after] == [
        (Status.OK, 1),
        (Status.OK, 2),
    ]


async def test_a_restart_between_turns_is_not_noticed(
    store: Store, postgresql: PostgresqlServer
) -> None:
    """All connections are gone, and the next turn makes new ones instead of failing."""
    await asyncio.gather(*(store.history.load(CALL) for _ in range(20)))
    await store.history.append(turn(1))
    with stopped(postgresql):
        pass
    await asyncio.sleep(0.1)

    loaded = await asyncio.gather(*(store.history.load(CALL) for _ in range(20)))
    await store.history.append(turn(2))

    assert {past.turns for past in loaded} == {1}


@asynccontextmanager
async def silent_backends(behind: PostgresqlBehind) -> AsyncGenerator[None]:
    """Have the server's ends of all open connections say nothing more."""
    rows = behind.query(
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    processes = [int(str(pid)) for (pid,) in rows]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


async def test_a_server_that_says_nothing_is_given_up(
    store: Store, postgresql_behind: PostgresqlBehind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent connection costs a bounded wait and is replaced, while it is still silent."""
    monkeypatch.setattr(postgresql_module, "_PATIENCE", 0.3)
    await store.history.append(turn(1))
    async with silent_backends(postgresql_behind):
        began = time.monotonic()
        with pytest.raises(TurnError) as reading:
            await store.history.load(CALL)
        with pytest.raises(TurnError) as writing:
            await store.history.append(turn(2))
        waited = time.monotonic() - began
        monkeypatch.undo()
        await store.history.append(turn(2))
        past = await store.history.load(CALL)

    assert (reading.value.reason, writing.value.reason) == ("store.timeout", "store.timeout")
    assert waited < 6
    assert past.turns == 2
