"""What the store costs a turn, beside bare drivers doing the same in the same run.

    python bench/store.py [--turns 2000] [--rounds 3] [--postgresql URL]

A turn reads its prompt, loads its conversation and appends itself; conversations have ten turns.
The bare `sqlite3` has no threads, no event loop and no SQL written by a library: one connection
with the same pragmas and tables, which commits each turn, or one turn in 32 (what group commit
amounts to at 32 at a time). Printed are turns per second and microseconds of CPU per turn, of all
threads, the median of the rounds, and how often the store takes the bare program's CPU.

With the address of a PostgreSQL whose user may create databases, the same is done there, beside
`asyncpg` in the same event loop with as many connections as the store has, which commits each turn.
Counted is the CPU of our process: the server's own is the same work for both.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from dialogari.asked import Usage
from dialogari.store.postgresql import READERS
from dialogari.store.store import Store, open_store
from dialogari.turn import ConversationKey, Status, TurnRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from asyncpg.pool import PoolConnectionProxy

TURNS_A_CONVERSATION = 10
AT_ONCE = (1, 32, 100)
QUESTION = "¿A qué hora abren mañana, y hay sitio para cuatro personas hacia las nueve? " * 2
ANSWER = "Mañana abrimos a las diez. Por la noche queda una mesa para cuatro a las nueve y media."


PROMPT = (
    "SELECT v.* FROM prompt_versions v JOIN prompts p ON p.name = v.name"
    " AND p.current_version = v.version WHERE p.name = ?"
)
PAST = (
    "SELECT number, status, question, answer FROM turns t JOIN conversations c"
    " ON c.id = t.conversation_id WHERE server = ? AND uniqueid = ?"
    " ORDER BY number DESC LIMIT 50"
)
UPSERT = (
    "INSERT INTO conversations (server, uniqueid, created_at, last_turn_at) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (server, uniqueid) DO UPDATE SET last_turn_at = excluded.last_turn_at"
)
INSERT = (
    "INSERT INTO turns (conversation_id, number, started_at, seconds, status, reason, question,"
    " answer, prompt, prompt_version, model, input_tokens, output_tokens, facts) VALUES"
    " ((SELECT id FROM conversations WHERE server = ? AND uniqueid = ?),"
    " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a number of turns took."""

    turns: int
    seconds: float
    cpu_seconds: float


def records(conversation: str) -> Iterator[TurnRecord]:
    """Yield the turns of one conversation."""
    for number in range(1, TURNS_A_CONVERSATION + 1):
        yield TurnRecord(
            conversation=ConversationKey("pbx", conversation),
            number=number,
            question=QUESTION,
            answer=ANSWER,
            status=Status.OK,
            reason="",
            prompt="default",
            prompt_version=1,
            model="local:bench",
            facts={"customer": "Núñez", "queue": "reservas"},
            usage=Usage(200, 30),
            started=datetime.now(UTC),
            seconds=1.25,
        )


def measure(turns: int, work: Callable[[], None]) -> Cost:
    """Return what `work` took."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(turns, time.perf_counter() - wall, time.process_time() - cpu)


async def talk(store: Store, conversation: str) -> None:
    """Take the turns of one conversation, one after the other."""
    for record in records(conversation):
        await store.prompts.find_prompt(record.prompt)
        past = await store.history.load(record.conversation)
        if past.turns != record.number - 1:
            raise RuntimeError(f"turn {past.turns} stored, {record.number - 1} expected")
        await store.history.append(record)


async def through_store(url: str, conversations: int, at_once: int) -> Cost:
    """Run the conversations through the store, `at_once` of them at a time."""
    async with open_store(url, exclusive=True) as store:
        return await converse(partial(talk, store), conversations, at_once)


async def converse(
    take: Callable[[str], Awaitable[None]], conversations: int, at_once: int
) -> Cost:
    """Return what it costs to `take` conversations by their names, `at_once` at a time."""
    names = iter([str(number) for number in range(conversations)])

    async def caller() -> None:
        for name in names:
            await take(name)

    await take("warm")
    wall, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as callers:
        for _ in range(at_once):
            callers.create_task(caller())
    return Cost(
        conversations * TURNS_A_CONVERSATION,
        time.perf_counter() - wall,
        time.process_time() - cpu,
    )


def through_sqlite3(path: Path, conversations: int, a_commit: int) -> Cost:
    """Run the same conversations through a bare connection, with `a_commit` turns per commit."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        turns = [record for name in range(conversations) for record in records(str(name))]

        def run() -> None:
            for number, record in enumerate(turns):
                if number % a_commit == 0:
                    connection.execute("BEGIN IMMEDIATE")
                bare_turn(connection, record)
                if number % a_commit == a_commit - 1:
                    connection.execute("COMMIT")
            if connection.in_transaction:
                connection.execute("COMMIT")

        return measure(len(turns), run)


def bare_turn(connection: sqlite3.Connection, record: TurnRecord) -> None:
    """Do in plain SQL what a turn asks of the store."""
    key = (record.conversation.server, record.conversation.id)
    connection.execute(PROMPT, (record.prompt,)).fetchone()
    connection.execute(PAST, key).fetchall()
    started = record.started.isoformat(" ")
    connection.execute(UPSERT, (*key, started, started))
    connection.execute(INSERT, (*key, *columns(record, started)))


def columns(record: TurnRecord, started: object) -> Sequence[object]:
    """Return what INSERT stores of a turn, after its conversation."""
    return (
        *(record.number, started, record.seconds, record.status.value, record.reason),
        *(record.question, record.answer, record.prompt, record.prompt_version, record.model),
        *(record.usage.input_tokens, record.usage.output_tokens),
        '{"customer": "Núñez", "queue": "reservas"}',
    )


async def make_tables(url: str) -> None:
    """Make an empty store."""
    async with open_store(url):
        pass


def on_sqlite(folder: Path, conversations: int) -> dict[str, Cost]:
    """Measure each way once, each in a file of its own."""
    ways: dict[str, Callable[[Path], Cost]] = {
        "bare sqlite3, a commit each": lambda path: through_sqlite3(path, conversations, 1),
        "bare sqlite3, a commit for 32": lambda path: through_sqlite3(path, conversations, 32),
        **{
            f"store on SQLite, {at_once} at a time": partial(_store_on_file, conversations, at_once)
            for at_once in AT_ONCE
        },
    }
    costs: dict[str, Cost] = {}
    for name, way in ways.items():
        path = folder / f"{len(list(folder.iterdir()))}.db"
        asyncio.run(make_tables(f"sqlite:///{path}"))
        costs[name] = way(path)
    return costs


def _store_on_file(conversations: int, at_once: int, path: Path) -> Cost:
    return asyncio.run(through_store(f"sqlite:///{path}", conversations, at_once))


async def through_asyncpg(url: str, conversations: int, at_once: int) -> Cost:
    """Run the same conversations through bare asyncpg, with a commit for each turn."""
    size = READERS + 1
    async with asyncpg.create_pool(url, min_size=size, max_size=size) as pool:

        async def take(name: str) -> None:
            for record in records(name):
                async with pool.acquire() as connection:
                    await asyncpg_turn(connection, record)

        return await converse(take, conversations, at_once)


async def asyncpg_turn(connection: PoolConnectionProxy, record: TurnRecord) -> None:
    """Do in plain SQL what a turn asks of the store."""
    key = (record.conversation.server, record.conversation.id)
    await connection.fetchrow(_numbered(PROMPT), record.prompt)
    await connection.fetch(_numbered(PAST), *key)
    async with connection.transaction():
        await connection.execute(_numbered(UPSERT), *key, record.started, record.started)
        await connection.execute(_numbered(INSERT), *key, *columns(record, record.started))


@cache
def _numbered(statement: str) -> str:
    """Return a statement of sqlite3 with its parameters as PostgreSQL writes them."""
    first, *rest = statement.split("?")
    return first + "".join(f"${number}{piece}" for number, piece in enumerate(rest, 1))


async def on_postgresql(url: str, conversations: int) -> dict[str, Cost]:
    """Measure each way once, each in a database of its own."""
    ways = {
        "bare asyncpg, 1 at a time": partial(through_asyncpg, at_once=1),
        "bare asyncpg, 32 at a time": partial(through_asyncpg, at_once=32),
        **{
            f"store on PostgreSQL, {at_once} at a time": partial(through_store, at_once=at_once)
            for at_once in AT_ONCE
        },
    }
    costs: dict[str, Cost] = {}
    for number, (name, way) in enumerate(ways.items()):
        database = f"dialogari_bench_{number}"
        connection = await asyncpg.connect(url)
        await connection.execute(f"CREATE DATABASE {database}")
        own = urlsplit(url)._replace(path=f"/{database}").geturl()
        try:
            await make_tables(own)
            costs[name] = await way(own, conversations)
        finally:
            await connection.execute(f"DROP DATABASE {database} WITH (FORCE)")
            await connection.close()
    return costs


def print_table(rounds: Sequence[Mapping[str, Cost]]) -> None:
    """Print the medians; the first way is what the others are compared to."""
    floor = 0.0
    for name in rounds[0]:
        rate = statistics.median(costs[name].turns / costs[name].seconds for costs in rounds)
        cpu = statistics.median(costs[name].cpu_seconds / costs[name].turns for costs in rounds)
        floor = floor or cpu
        sys.stdout.write(
            f"{name:35} {rate:8.0f} turns/s {cpu * 1e6:7.0f} us CPU {cpu / floor:6.1f}x\n"
        )


def main() -> None:
    """Print a table for each database."""
    parser = argparse.ArgumentParser(description="What the store costs a turn.")
    parser.add_argument("--turns", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postgresql", metavar="URL", default="")
    wanted = parser.parse_args()
    conversations = wanted.turns // TURNS_A_CONVERSATION
    with tempfile.TemporaryDirectory() as folder:
        print_table([on_sqlite(Path(folder), conversations) for _ in range(wanted.rounds)])
    if wanted.postgresql:
        measure_round = partial(on_postgresql, wanted.postgresql, conversations)
        print_table([asyncio.run(measure_round()) for _ in range(wanted.rounds)])


if __name__ == "__main__":
    main()
