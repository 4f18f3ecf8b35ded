"""The keys of the REST API, for those who hand them out."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from dialogari.app.prompts import open_settings_store

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.config import Settings
    from dialogari.store.keys import StoredKeys


@asynccontextmanager
async def open_keys(settings: Settings) -> AsyncGenerator[StoredKeys]:
    """Open the keys, beside a running bridge or not. Raises ConfigError and StoreError."""
    async with open_settings_store(settings) as store:
        yield store.keys
