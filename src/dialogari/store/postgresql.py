"""A PostgreSQL server through asyncpg: many bridges may share it, and nobody claims it.

Units of work are the same synchronous functions as on SQLite, run by SQLAlchemy's `run_sync` on the
event loop. Reads commit by themselves, one round trip a statement, on connections that refuse to
write; all writes of this process go one after the other over one connection of its own, so that no
burst of reads keeps the journal waiting. Five connections a bridge: nineteen bridges fit below the
97 that a server takes by default.

How long a broken server can hold a unit of work:

    a connection that the server has closed    not at all: a new one is made when it is taken
    a server that refuses or is starting       not at all: it fails as `store.unavailable`
    a lock left by a bridge whose machine died 3 s, then the server rolls it back
    a statement                                5 s, then the server breaks it off
    a server that says nothing at all          8 s in all, and 2 s to let go of the connection
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import asyncpg
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from dialogari.store.errors import DatabaseUrlError, UnavailableError, UnreachableError, explain
from dialogari.store.heartbeat import beat
from dialogari.store.postgresql_connect import Server, connect
from dialogari.store.schema import needs_upgrade, upgrade

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

_log = logging.getLogger(__name__)

Result = TypeVar("Result")

READERS = 4
"""Reading connections. A read holds one for about a millisecond: four carry thousands of turns."""
_STATEMENT_SECONDS = 5
_IDLE_SECONDS = 3
"""How long a transaction may wait for us; ours never think between two statements."""
_PATIENCE = 8.0
_UPGRADE_SECONDS = 120
_UPGRADE_LOCK = 7_025_346_221
"""Names the advisory lock under which one process at a time upgrades; any number does."""


async def open_postgresql(url: str, *, upgraded: bool) -> PostgresqlDatabase:
    """Open `postgresql://…`; what it does and raises is said at `open_database`."""
    database = PostgresqlDatabase(Server.parse(url))
    try:
        await database.start(upgraded=upgraded)
    except UnreachableError as error:
        await database.aclose()
        raise DatabaseUrlError(error.message) from None
    except BaseException:
        await database.aclose()
        raise
    return database


class PostgresqlDatabase:
    """Plays `dialogari.store.database.Database` on one server."""

    def __init__(self, server: Server) -> None:
        limits = {
            "statement_timeout": f"{_STATEMENT_SECONDS}s",
            "idle_in_transaction_session_timeout": f"{_IDLE_SECONDS}s",
        }
        self._writer = _engine(server, 1, "READ COMMITTED", limits)
        self._reader = _engine(
            server, READERS, "AUTOCOMMIT", {**limits, "default_transaction_read_only": "on"}
        )
        self._closed = False

    async def start(self, *, upgraded: bool) -> None:
        """Make the first connection and bring the tables up to date.

        Raises:
            DatabaseUrlError: the server does not know this user, password or database, or the
                database can't hold every character.
            SetupError: the tables are not ours, or too new.
            UnavailableError: the server does not answer, or fails.
        """
        await self.read(_check_encoding)
        if upgraded and await self.read(needs_upgrade):
            async with self._guarded(_UPGRADE_SECONDS), self._writer.begin() as connection:
                await connection.run_sync(_upgrade_alone)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` reads; see `Database`."""
        async with self._guarded(_PATIENCE), self._reader.connect() as connection:
            return await connection.run_sync(work)

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` returned once it is committed; see `Database`."""
        async with self._guarded(_PATIENCE), self._writer.begin() as connection:
            return await connection.run_sync(work)

    async def check(self) -> None:
        """Prove that the database can be written; see `Database`."""
        await self.write(beat)

    async def aclose(self) -> None:
        """Close the connections; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._writer.dispose()
                await self._reader.dispose()
        except (TimeoutError, OSError, SQLAlchemyError) as error:
            _log.warning("the database could not be closed in order: %s", type(error).__name__)

    @asynccontextmanager
    async def _guarded(self, seconds: float) -> AsyncGenerator[None]:
        """End the block in time, and let nothing but StoreErrors and programming errors out of it.

        The causes are left out: asyncpg quotes values and whole rows, what callers said.
        """
        if self._closed:
            raise UnavailableError("store.closed", "the database is closed")
        try:
            async with asyncio.timeout(seconds):
                yield
        except SQLAlchemyError as error:
            raise explain(error) from None
        except TimeoutError:
            raise UnavailableError("store.timeout", "the database does not answer") from None
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            # Where SQLAlchemy did not translate: the connection broke while it was being set up.
            raise UnavailableError(
                "store.unavailable", "the connection to the database broke"
            ) from None


def _check_encoding(connection: Connection) -> None:
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise DatabaseUrlError(
            f"DATABASE_URL: the database is in {encoding}, which can't hold what callers say; make "
            "one with ENCODING 'UTF8' TEMPLATE template0"
        )


def _upgrade_alone(connection: Connection) -> None:
    """Upgrade, unless another process just did; the lock ends with the transaction."""
    connection.execute(text(f"SET LOCAL statement_timeout = '{_UPGRADE_SECONDS}s'"))
    connection.execute(
        text(f"SET LOCAL idle_in_transaction_session_timeout = '{_UPGRADE_SECONDS}s'")
    )
    connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
    if needs_upgrade(connection):
        upgrade(connection)


def _engine(
    server: Server, connections: int, isolation: str, settings: dict[str, str]
) -> AsyncEngine:
    # Below it, SQLAlchemy logs statements and, at DEBUG, every row: what callers said.
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)
    engine = create_async_engine(
        # The address goes to asyncpg alone, whose reading of it is that of every PostgreSQL
        # program: an engine that does not know the password can't show it.
        "postgresql+asyncpg://",
        async_creator=partial(connect, server, settings),
        isolation_level=isolation,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_PATIENCE,
        hide_parameters=True,
        json_serializer=partial(json.dumps, ensure_ascii=False),
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(
    connection: DBAPIConnection, entry: ConnectionPoolEntry, proxy: PoolProxiedConnection
) -> None:
    """Have the pool make a new connection for one that the server has closed meanwhile."""
    del connection, proxy
    driver = entry.driver_connection
    if isinstance(driver, asyncpg.Connection) and driver.is_closed():
        raise DisconnectionError
