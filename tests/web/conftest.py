"""A served API on each kind of database, and a client of it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from api_serving import ApiClient, ApiServer, api_settings, serving
from model_stub import ModelStub

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from pathlib import Path

    from dialogari.config import Settings
    from postgresql_server import PostgresqlServer


@pytest_asyncio.fixture
async def stub() -> AsyncGenerator[ModelStub]:
    """A model that answers with the question."""
    async with ModelStub() as model:
        yield model


@pytest.fixture
def settings(tmp_path: Path, stub: ModelStub) -> Settings:
    """Settings on SQLite."""
    return api_settings(tmp_path, stub)


@pytest_asyncio.fixture
async def server(settings: Settings) -> AsyncGenerator[ApiServer]:
    """The API on SQLite."""
    async with serving(settings) as running:
        yield running


@pytest_asyncio.fixture
async def api(server: ApiServer) -> AsyncGenerator[ApiClient]:
    """A client of it."""
    async with ApiClient(f"{server.url}/api/v1") as client:
        yield client


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Generator[str]:
    """An empty database of each kind, as DATABASE_URL has it; empty: a file in its place."""
    if request.param == "sqlite":
        yield ""
        return
    postgresql: PostgresqlServer = request.getfixturevalue("postgresql")
    name = f"test_{secrets.token_hex(6)}"
    postgresql.execute(f"CREATE DATABASE {name}")
    yield postgresql.url(name)
    postgresql.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture
async def each_api(database_url: str, tmp_path: Path, stub: ModelStub) -> AsyncGenerator[ApiClient]:
    """A client of the API on each kind of database."""
    async with (
        serving(api_settings(tmp_path, stub, database_url=database_url)) as running,
        ApiClient(f"{running.url}/api/v1") as client,
    ):
        yield client
