"""What the store costs a turn, beside a bare `sqlite3` doing the same in the same run.

    python bench/store.py [--turns 2000] [--rounds 3]

A turn reads its prompt, loads its conversation and appends itself; conversations have ten turns.
The bare program has no threads, no event loop and no SQL written by a library: one connection with
the same pragmas and tables, which commits each turn, or one turn in 32 (what group commit amounts
to at 32 at a time). Printed are turns per second and microseconds of CPU per turn, of all threads,
the median of the rounds, and how often the store takes the bare program's CPU.
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
from pathlib import Path
from typing import TYPE_CHECKING

from dialogari.store.store import Store, open_store
from dialogari.turn import ConversationKey, Status, TurnRecord, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TURNS_A_CONVERSATION = 10
QUESTION = "¿A qué hora abren mañana, y hay sitio para cuatro personas hacia las nueve? " * 2
ANSWER = "Mañana abrimos a las diez. Por la noche queda una mesa para cuatro a las nueve y media."


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


async def through_store(path: Path, conversations: int, at_once: int) -> Cost:
    """Run the conversations through the store, `at_once` of them at a time."""
    async with open_store(f"sqlite:///{path}", exclusive=True) as store:
        names = iter([str(number) for number in range(conversations)])

        async def caller() -> None:
            for name in names:
                await talk(store, name)

        await talk(store, "warm")
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
    connection.execute(
        "SELECT v.* FROM prompt_versions v JOIN prompts p ON p.name = v.name"
        " AND p.current_version = v.version WHERE p.name = ?",
        (record.prompt,),
    ).fetchone()
    connection.execute(
        "SELECT number, status, question, answer FROM turns t JOIN conversations c"
        " ON c.id = t.conversation_id WHERE server = ? AND uniqueid = ?"
        " ORDER BY number DESC LIMIT 50",
        key,
    ).fetchall()
    started = record.started.isoformat(" ")
    connection.execute(
        "INSERT INTO conversations (server, uniqueid, created_at, last_turn_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (server, uniqueid) DO UPDATE SET last_turn_at = excluded.last_turn_at",
        (*key, started, started),
    )
    connection.execute(
        "INSERT INTO turns (conversation_id, number, started_at, seconds, status, reason, question,"
        " answer, prompt, prompt_version, model, input_tokens, output_tokens, facts) VALUES"
        " ((SELECT id FROM conversations WHERE server = ? AND uniqueid = ?),"
        " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *key,
            record.number,
            started,
            record.seconds,
            record.status,
            record.reason,
            record.question,
            record.answer,
            record.prompt,
            record.prompt_version,
            record.model,
            record.usage.input_tokens,
            record.usage.output_tokens,
            '{"customer": "Núñez", "queue": "reservas"}',
        ),
    )


async def make_tables(path: Path) -> None:
    """Make an empty store."""
    async with open_store(f"sqlite:///{path}"):
        pass


def one_round(folder: Path, conversations: int) -> dict[str, Cost]:
    """Measure each way once, each in a database of its own."""
    ways: dict[str, Callable[[Path], Cost]] = {
        "bare sqlite3, a commit each": lambda path: through_sqlite3(path, conversations, 1),
        "bare sqlite3, a commit for 32": lambda path: through_sqlite3(path, conversations, 32),
        "store, 1 at a time": lambda path: asyncio.run(through_store(path, conversations // 4, 1)),
        "store, 32 at a time": lambda path: asyncio.run(through_store(path, conversations, 32)),
        "store, 100 at a time": lambda path: asyncio.run(through_store(path, conversations, 100)),
    }
    costs: dict[str, Cost] = {}
    for name, way in ways.items():
        path = folder / f"{len(list(folder.iterdir()))}.db"
        asyncio.run(make_tables(path))
        costs[name] = way(path)
    return costs


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What the store costs a turn.")
    parser.add_argument("--turns", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rounds = [
            one_round(Path(folder), wanted.turns // TURNS_A_CONVERSATION)
            for _ in range(wanted.rounds)
        ]
    floor = 0.0
    for name in rounds[0]:
        rate = statistics.median(costs[name].turns / costs[name].seconds for costs in rounds)
        cpu = statistics.median(costs[name].cpu_seconds / costs[name].turns for costs in rounds)
        floor = floor or cpu
        sys.stdout.write(
            f"{name:32} {rate:8.0f} turns/s {cpu * 1e6:7.0f} us CPU {cpu / floor:6.1f}x\n"
        )


if __name__ == "__main__":
    main()
