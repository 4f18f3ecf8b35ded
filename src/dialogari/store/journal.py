"""The one writer of turns: all that gather while it commits are stored by its next transaction.

A commit that survives a power cut costs a wait for the disk, whoever shares it. So the writer takes
everything that waits, commits it at once, and meanwhile the next batch gathers: a lone turn is not
kept waiting, and 32 at a time share their commits. (To wait 2 ms for company as well was measured
and brought nothing but the 2 ms.) `append` returns after the commit that holds its record.

Each batch is in the order of its conversations, whichever worker writes it: two workers on one
PostgreSQL that store turns of the same calls then wait for each other in turn, and never both.

A record that the database refuses fails alone: its batch is rolled back and stored again, each
record under a savepoint of its own. A database that refuses everything (locked, full, read-only)
fails the batch; the writer goes on with the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, select, text, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from dialogari.store.calls import write_asked, write_call
from dialogari.store.errors import (
    RejectedError,
    StoreError,
    TurnClashError,
    UnavailableError,
    explain,
    is_duplicate,
)
from dialogari.store.folding import fold
from dialogari.store.tables import (
    UtcDateTime,
    WellFormedText,
    conversations,
    turns,
    well_formed,
)
from dialogari.task_group import entered

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from sqlalchemy import Connection

    from dialogari.store.database import Database
    from dialogari.turn import TurnRecord

_log = logging.getLogger(__name__)

_BATCH = 256
"""Records of one transaction at most."""
_CAPACITY = 4096
"""Records that may wait; past it, turns fail at once instead of late."""
_PATIENCE = 10.0
"""Seconds after which a waiter gives up, and after which closing gives up draining."""

# As text, which both databases read; SQLAlchemy has a form of its own for each.
_UPSERT_CONVERSATION = text(
    "INSERT INTO conversations (server, uniqueid, created_at, last_turn_at, caller)"
    " VALUES (:server, :uniqueid, :started_at, :started_at, :caller)"
    " ON CONFLICT (server, uniqueid) DO UPDATE SET last_turn_at = excluded.last_turn_at,"
    " caller = COALESCE(excluded.caller, conversations.caller)"
).bindparams(
    bindparam("server", type_=WellFormedText),
    bindparam("uniqueid", type_=WellFormedText),
    bindparam("started_at", type_=UtcDateTime),
    bindparam("caller", type_=WellFormedText),
)
_CONVERSATION = (
    select(conversations.c.id)
    .where(
        conversations.c.server == bindparam("server", type_=WellFormedText),
        conversations.c.uniqueid == bindparam("uniqueid", type_=WellFormedText),
    )
    .scalar_subquery()
)
_INSERT_TURN = insert(turns).values(conversation_id=_CONVERSATION)
_AMEND_TURN = update(turns).where(
    turns.c.conversation_id == _CONVERSATION, turns.c.number == bindparam("at")
)


@dataclass(frozen=True, slots=True)
class _Entry:
    record: TurnRecord
    stored: asyncio.Future[None]
    amends: bool
    """There is one of this number, which it replaces."""

    def settle(self, error: StoreError | None) -> None:
        # A waiter that was cancelled has left; its turn is stored all the same.
        if self.stored.done():
            return
        if error is None:
            self.stored.set_result(None)
        else:
            self.stored.set_exception(error)


class Journal:
    """Stores turns while its `running` block is open."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Entry] = deque()
        self._arrival = asyncio.Event()
        self._open = False
        self.records = 0
        """Turns stored."""
        self.commits = 0
        """Batches that stored them."""
        self.failures = 0
        """Turns that could not be stored."""

    @property
    def waiting(self) -> int:
        """Turns that wait to be stored now."""
        return len(self._waiting)

    async def append(self, record: TurnRecord) -> None:
        """Store a turn; returns once it would survive a crash.

        Cancelling the wait does not take the record back.

        Raises:
            TurnClashError: the conversation has a turn of that number.
            RejectedError: the database refuses this record.
            UnavailableError: the database refuses everything, or too many records wait; with
                `store.timeout` it is unknown whether the record is stored.
        """
        await self._put(record, amends=False)

    async def amend(self, record: TurnRecord) -> None:
        """Store a turn in place of the one of its number; otherwise as `append`.

        Where there is none, as when its conversation was forgotten, nothing is stored.
        """
        await self._put(record, amends=True)

    async def _put(self, record: TurnRecord, *, amends: bool) -> None:
        if not self._open:
            raise UnavailableError("store.closed", "the journal is closed")
        if len(self._waiting) >= _CAPACITY:
            raise UnavailableError("store.overloaded", "too many turns wait to be stored")
        entry = _Entry(record, asyncio.get_running_loop().create_future(), amends)
        self._waiting.append(entry)
        self._arrival.set()
        try:
            async with asyncio.timeout(_PATIENCE):
                await entry.stored
        except TimeoutError:
            raise UnavailableError("store.timeout", "the database does not answer") from None

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Store turns for the length of the block, and at its end those that still wait."""
        async with entered(asyncio.TaskGroup()) as tasks:
            writer = tasks.create_task(self._write_batches(), name="store-journal")
            self._open = True
            try:
                yield
            finally:
                self._open = False
                await self._drain(writer)

    async def _drain(self, writer: asyncio.Task[None]) -> None:
        self._arrival.set()
        try:
            await asyncio.wait({writer}, timeout=_PATIENCE)
        finally:
            if writer.cancel():
                waiting = len(self._waiting)
                _log.error("%d turns are not stored: the database does not answer", waiting)

    async def _write_batches(self) -> None:
        while self._open or self._waiting:
            await self._arrival.wait()
            self._arrival.clear()
            while self._waiting:
                await self._store(self._take_batch())

    def _take_batch(self) -> Sequence[_Entry]:
        batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
        return sorted(batch, key=_conversation)

    async def _store(self, batch: Sequence[_Entry]) -> None:
        outcomes: Sequence[StoreError | None]
        try:
            outcomes = await self._write_entries(batch)
        except Exception as error:  # noqa: BLE001 - the task's boundary: no batch may end the writer
            reason = error.reason if isinstance(error, StoreError) else "store.unavailable"
            _log.warning("%d turns are not stored: %s", len(batch), reason)
            _log.debug("why %d turns are not stored", len(batch), exc_info=error)
            outcomes = [UnavailableError(reason, "the turn could not be stored") for _ in batch]
        for entry, outcome in zip(batch, outcomes, strict=True):
            entry.settle(outcome)
        stored = sum(outcome is None for outcome in outcomes)
        self.records += stored
        self.failures += len(batch) - stored
        self.commits += stored > 0

    async def _write_entries(self, batch: Sequence[_Entry]) -> Sequence[StoreError | None]:
        """Return what became of each record; raises where the database stored none."""
        try:
            await self._database.write(partial(_store_together, batch))
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one record must not fail the others
            _log.debug("%d turns are stored again, each alone", len(batch), exc_info=error)
        else:
            return [None] * len(batch)
        return await self._database.write(partial(_store_apart, batch))


def _conversation(entry: _Entry) -> tuple[str, str]:
    key = entry.record.conversation
    return key.server, key.id


def store_together(records: Sequence[TurnRecord], connection: Connection) -> None:
    """Store all records in the transaction of `connection`, and their conversations where new."""
    connection.execute(
        _UPSERT_CONVERSATION,
        [
            {
                "server": record.conversation.server,
                "uniqueid": record.conversation.id,
                "started_at": record.started,
                "caller": record.caller or None,
            }
            for record in records
        ],
    )
    connection.execute(_INSERT_TURN, [_turn_row(record) for record in records])


def _store_together(batch: Sequence[_Entry], connection: Connection) -> None:
    if new := [entry.record for entry in batch if not entry.amends]:
        store_together(new, connection)
    if amended := [entry.record for entry in batch if entry.amends]:
        rows = [{**_turn_row(record), "at": record.number} for record in amended]
        connection.execute(_AMEND_TURN, rows)


def _store_apart(batch: Sequence[_Entry], connection: Connection) -> Sequence[StoreError | None]:
    """Store each record that the database takes; return for each None, or why not.

    Raises:
        SQLAlchemyError: the database itself fails, so that none is stored.
    """
    return [_store_one(entry, connection) for entry in batch]


def _store_one(entry: _Entry, connection: Connection) -> StoreError | None:
    try:
        with connection.begin_nested():
            _store_together([entry], connection)
    except IntegrityError as error:
        return TurnClashError() if is_duplicate(error) else explain(error)
    except SQLAlchemyError as error:
        explained = explain(error)
        if isinstance(explained, UnavailableError):
            raise
        return explained
    except Exception as error:  # noqa: BLE001 - a record the driver can't even take fails alone
        return RejectedError(f"the record can't be stored ({type(error).__name__})")
    return None


def _turn_row(record: TurnRecord) -> dict[str, object]:
    return {
        "server": record.conversation.server,
        "uniqueid": record.conversation.id,
        "number": record.number,
        "started_at": record.started,
        "seconds": record.seconds,
        "status": record.status.value,
        "reason": record.reason,
        "question": record.question,
        "answer": record.answer,
        "prompt": record.prompt,
        "prompt_version": record.prompt_version,
        "model": record.model,
        "input_tokens": record.usage.input_tokens,
        "output_tokens": record.usage.output_tokens,
        "facts": {well_formed(key): well_formed(value) for key, value in record.facts.items()},
        "folded": fold(f"{record.question} {record.answer}"),
        "tool_calls": [write_call(call) for call in record.tool_calls] or None,
        "cost": record.usage.cost,
        "asked": write_asked(record.asked),
        "kept": {key: well_formed(value) for key, value in record.kept.items()} or None,
    }
