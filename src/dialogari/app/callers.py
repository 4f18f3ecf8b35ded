"""Callers who are known again, and forgetting them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dialogari.app.prompts import open_settings_store
from dialogari.store.callers import StoredCallers

if TYPE_CHECKING:
    from dialogari.config import Settings


async def forget_caller(settings: Settings, key: str) -> int:
    """Delete a caller's conversations; returns how many. Raises ConfigError and StoreError."""
    async with open_settings_store(settings) as store:
        return await StoredCallers(store.database, timedelta(0)).forget(key)
