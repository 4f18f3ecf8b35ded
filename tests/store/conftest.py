"""A database of each kind, and an open store on it: what can be shown on both is shown on both."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from dialogari.store.store import Store, open_store
from store.behind import Behind, PostgresqlBehind, SqliteBehind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from pathlib import Path

    from postgresql_server import PostgresqlServer


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    """Name a file in a folder that does not exist yet."""
    return tmp_path / "state" / "dialogari.db"


@pytest.fixture
def sqlite_behind(database_file: Path) -> SqliteBehind:
    """Return the database in that file."""
    return SqliteBehind(database_file)


@pytest.fixture
def postgresql_behind(postgresql: PostgresqlServer) -> Generator[PostgresqlBehind]:
    """Make an empty database on the server."""
    name = f"test_{secrets.token_hex(6)}"
    postgresql.execute(f"CREATE DATABASE {name}")
    yield PostgresqlBehind(postgresql, name)
    postgresql.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def behind(request: pytest.FixtureRequest) -> Behind:
    """Return an empty database of each kind in turn."""
    found: Behind = request.getfixturevalue(f"{request.param}_behind")
    return found


@pytest.fixture
def url(behind: Behind) -> str:
    """Return its address, as DATABASE_URL has it."""
    return behind.url


@pytest.fixture
async def store(url: str) -> AsyncGenerator[Store]:
    """Open the store as the bridge does."""
    async with open_store(url, exclusive=True) as opened:
        yield opened
