"""The open database: work is handed over as plain functions of a connection and done in threads.

A unit of work is a function that takes a SQLAlchemy `Connection` and returns its result; `write`
runs it in one transaction, `read` without. It is one hop to a thread and back, so the event loop
never waits for a disk, and a waiter that is cancelled leaves no transaction half done.

All writing is done in one thread on one connection. A bridge claims its file for as long as it
runs; terminal commands open the same file without claiming it and write beside it.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.dialects.sqlite import insert

from dialogari.store.errors import UnavailableError
from dialogari.store.sqlite import READERS, SqliteFile, database_path
from dialogari.store.tables import heartbeat

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from sqlalchemy import Connection

_log = logging.getLogger(__name__)

Result = TypeVar("Result")

_PATIENCE = 11.0
"""Seconds after which a waiter gives up on a thread: a locked database has said so by then."""

_beat = insert(heartbeat)
_WRITE_BEAT = _beat.on_conflict_do_update(
    index_elements=["id"], set_={"beat_at": _beat.excluded.beat_at}
)


@asynccontextmanager
async def open_database(url: str, *, exclusive: bool = False) -> AsyncGenerator[Database]:
    """Open `sqlite:///PATH`, make or upgrade its tables, and close it at the end of the block.

    `exclusive` is the bridge's: it claims the file for as long as the block runs.

    Raises:
        SetupError: the URL, another process, or the database's version; see its kinds.
        UnavailableError: the file can't be made, read or, where that is needed, written.
    """
    path = database_path(url)
    database = Database(await asyncio.to_thread(SqliteFile, path, exclusive=exclusive))
    try:
        yield database
    finally:
        await database.aclose()


class Database:
    """Reads and writes without blocking the event loop. Made by `open_database`."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._closed = False
        self._write_thread = ThreadPoolExecutor(1, "store-write")
        self._read_threads = ThreadPoolExecutor(READERS, "store-read")

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` reads; each of its statements sees the last commit before it.

        Raises:
            UnavailableError: the database fails, or does not answer in time.
            RejectedError: it refuses the statement.
        """
        return await self._run(self._read_threads, partial(self._file.read, work))

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` returned, once its transaction would survive a crash.

        Raises:
            UnavailableError: the database fails, and nothing is stored; or, as `store.timeout`, it
                does not answer in time, and whether it is stored is unknown.
            RejectedError: it refuses the statement; nothing is stored.
        """
        return await self._run(self._write_thread, partial(self._file.write, work))

    async def check(self) -> None:
        """Prove that the database can be written, by writing the moment into `heartbeat`.

        Raises:
            StoreError: it can't.
        """
        beat = {"id": 1, "beat_at": datetime.now(UTC)}
        await self.write(lambda connection: connection.execute(_WRITE_BEAT, beat))

    async def aclose(self) -> None:
        """Let the work in hand end, then close the file; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(_PATIENCE):
                await asyncio.to_thread(self._close)
        except (TimeoutError, UnavailableError) as error:
            _log.warning("the database could not be closed in order: %s", type(error).__name__)

    def _close(self) -> None:
        self._write_thread.shutdown()
        self._read_threads.shutdown(cancel_futures=True)
        self._file.close()

    async def _run(self, threads: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
        if self._closed:
            raise UnavailableError("store.closed", "the database is closed")
        try:
            async with asyncio.timeout(_PATIENCE):
                return await asyncio.get_running_loop().run_in_executor(threads, work)
        except TimeoutError:
            raise UnavailableError("store.timeout", "the database does not answer") from None
