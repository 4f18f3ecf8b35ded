"""The store put together: one call opens all of it, in the order in which it must close again."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialogari.store.database import Database, open_database
from dialogari.store.history import StoredHistory
from dialogari.store.journal import Journal
from dialogari.store.prompts import StoredPrompts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@dataclass(frozen=True, slots=True)
class Store:
    """What the rest of dialogari uses of the store."""

    history: StoredHistory
    prompts: StoredPrompts
    database: Database
    journal: Journal


@asynccontextmanager
async def open_store(url: str, *, exclusive: bool = False) -> AsyncGenerator[Store]:
    """Open the store for the length of the block; at its end, turns that still wait are stored.

    `exclusive` is the bridge's: a second bridge on the same SQLite file is refused, while a
    terminal command opens it beside, without.

    Raises:
        SetupError: the operator must change something first.
        UnavailableError: the database can't be opened.
    """
    async with open_database(url, exclusive=exclusive) as database:
        journal = Journal(database)
        async with journal.running():
            yield Store(
                StoredHistory(database, journal), StoredPrompts(database), database, journal
            )
