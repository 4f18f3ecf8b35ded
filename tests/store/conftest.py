"""A database file and an open store on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dialogari.store.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    """Name a file in a folder that does not exist yet."""
    return tmp_path / "state" / "dialogari.db"


@pytest.fixture
def url(database_file: Path) -> str:
    """Return the address of that file, as DATABASE_URL has it."""
    return f"sqlite:///{database_file}"


@pytest.fixture
async def store(url: str) -> AsyncGenerator[Store]:
    """Open the store as the bridge does."""
    async with open_store(url, exclusive=True) as opened:
        yield opened
