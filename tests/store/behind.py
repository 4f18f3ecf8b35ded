"""The back doors of the two databases: what an operator sees and does without dialogari."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from sqlalchemy import Connection

    from dialogari.store.store import Store
    from postgresql_server import PostgresqlServer


_REFUSE_WRITES = {
    "sqlite": "PRAGMA query_only=ON",
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
}


class Behind(Protocol):
    """A database that dialogari is given by its `url`, for a test to look into."""

    @property
    def url(self) -> str:
        """The address, as DATABASE_URL has it."""
        ...

    def query(self, statement: str) -> Sequence[tuple[object, ...]]:
        """Return the rows of a statement run by the bare driver."""
        ...

    def execute(self, statements: str) -> None:
        """Change the database behind the store's back; an empty one is made where none is."""
        ...

    def tables(self) -> set[str]:
        """Name the tables."""
        ...

    def hanging(self) -> AbstractAsyncContextManager[None]:
        """Keep the store from writing for the length of the block: its writes wait."""
        ...


@dataclass(frozen=True, slots=True)
class SqliteBehind:
    """A file."""

    path: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def query(self, statement: str) -> Sequence[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(statement).fetchall()

    def execute(self, statements: str) -> None:
        self.path.parent.mkdir(exist_ok=True)
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.executescript(statements)

    def tables(self) -> set[str]:
        return {
            str(name)
            for (name,) in self.query("SELECT name FROM sqlite_schema WHERE type = 'table'")
        }

    @asynccontextmanager
    async def hanging(self) -> AsyncGenerator[None]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield


@dataclass(frozen=True, slots=True)
class PostgresqlBehind:
    """A database of a server."""

    server: PostgresqlServer
    name: str

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    def query(self, statement: str) -> Sequence[tuple[object, ...]]:
        return self.server.query(statement, self.name)

    def execute(self, statements: str) -> None:
        self.server.execute(statements, self.name)

    def tables(self) -> set[str]:
        rows = self.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {str(name) for (name,) in rows}

    @asynccontextmanager
    async def hanging(self) -> AsyncGenerator[None]:
        connection = await asyncpg.connect(self.url, timeout=5)
        try:
            async with connection.transaction():
                for table in self.tables():
                    await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                yield
        finally:
            await connection.close()


async def refuse_writes(store: Store) -> None:
    """Turn the store's writing connection into one that only reads."""

    def refuse(writer: Connection) -> None:
        writer.exec_driver_sql(_REFUSE_WRITES[writer.dialect.name])

    await store.database.write(refuse)
