"""SQLite behind the event loop: each unit of work is one hop to a thread and back.

The event loop never waits for a disk, and work that has begun is finished in its thread, whoever
stopped waiting for it. All writing is done in one thread on one connection. A bridge claims its
file for as long as it runs; terminal commands open the same file without claiming it and write
beside it.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from dialogari.store.errors import UnavailableError
from dialogari.store.heartbeat import beat
from dialogari.store.sqlite import READERS, SqliteFile, database_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

_log = logging.getLogger(__name__)

Result = TypeVar("Result")

_PATIENCE = 11.0
"""Seconds after which a waiter gives up on a thread: a locked database has said so by then."""


async def open_sqlite(url: str, *, exclusive: bool, upgraded: bool) -> SqliteDatabase:
    """Open `sqlite:///PATH`; what it does and raises is said at `open_database`."""
    path = database_path(url)
    return SqliteDatabase(
        await asyncio.to_thread(SqliteFile, path, exclusive=exclusive, upgraded=upgraded)
    )


class SqliteDatabase:
    """Plays `dialogari.store.database.Database` on one file."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._closed = False
        self._write_thread = ThreadPoolExecutor(1, "store-write")
        self._read_threads = ThreadPoolExecutor(READERS, "store-read")

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` reads; see `Database`."""
        return await self._run(self._read_threads, partial(self._file.read, work))

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` returned once it is safe on disk; see `Database`."""
        return await self._run(self._write_thread, partial(self._file.write, work))

    async def check(self) -> None:
        """Prove that the file can be written; see `Database`."""
        await self.write(beat)

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
