"""The database as the rest of the store sees it: work is handed over as plain functions.

A unit of work is a function that takes a SQLAlchemy `Connection` and returns its result; `write`
runs it in one transaction, `read` without. Every statement is written once, for both databases:

    sqlite_database    a file, and threads: a quarter of the CPU of an asynchronous driver
    postgresql         a server, and asyncpg: many bridges share it
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from dialogari.store.errors import DatabaseUrlError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from sqlalchemy import Connection

Result = TypeVar("Result")

_POSTGRESQL = ("postgresql://", "postgres://")


class Database(Protocol):
    """Reads and writes without blocking the event loop. Made by `open_database`."""

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` reads; each of its statements sees the last commit before it.

        Raises:
            UnavailableError: the database fails, or does not answer in time.
            RejectedError: it refuses the statement.
        """
        ...

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` returned, once its transaction would survive a crash.

        A waiter that is cancelled leaves no transaction half done.

        Raises:
            UnavailableError: the database fails, and nothing is stored; or it did not answer in
                time (`store.timeout`) or broke off at the commit itself (`store.unavailable`), and
                whether it is stored is unknown.
            RejectedError: it refuses the statement; nothing is stored.
        """
        ...

    async def check(self) -> None:
        """Prove that the database can be written, by writing the moment into `heartbeat`.

        Raises:
            StoreError: it can't.
        """
        ...

    async def aclose(self) -> None:
        """Let the work in hand end, then let go of the database; a second call does nothing."""
        ...


@asynccontextmanager
async def open_database(
    url: str, *, exclusive: bool = False, upgraded: bool = True
) -> AsyncGenerator[Database]:
    """Open the database for the length of the block, its tables made or brought up to date.

    `url`: `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST:PORT/NAME`. `exclusive` is the
    bridge's: it claims a SQLite file for as long as the block runs; a PostgreSQL server is shared.
    `upgraded=False` opens what is there as it is, and makes nothing.

    Raises:
        SetupError: the URL, another process, or the database's version; see its kinds.
        UnavailableError: the database can't be made, read or, where that is needed, written.
    """
    database = await _open(url, exclusive=exclusive, upgraded=upgraded)
    try:
        yield database
    finally:
        await database.aclose()


async def _open(url: str, *, exclusive: bool, upgraded: bool) -> Database:
    # Each imports its driver, which a user of the other need not wait for.
    if url.startswith(_POSTGRESQL):
        from dialogari.store.postgresql import open_postgresql  # noqa: PLC0415 - see above

        return await open_postgresql(url, upgraded=upgraded)
    if url.startswith("sqlite:"):
        from dialogari.store.sqlite_database import open_sqlite  # noqa: PLC0415 - see above

        return await open_sqlite(url, exclusive=exclusive, upgraded=upgraded)
    # Not repeated here: what is no address we know may hold a password all the same.
    raise DatabaseUrlError(
        "DATABASE_URL must be sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME, "
        "without the name of a driver"
    )
