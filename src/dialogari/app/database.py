"""The database, for those who look after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogari.app.prompts import open_settings_store
from dialogari.store.examine import examine_database
from dialogari.store.tables import REVISION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dialogari.config import Settings
    from dialogari.store.examine import Finding


async def upgrade(settings: Settings) -> str:
    """Bring the tables up to date and return their revision. Raises ConfigError, StoreError."""
    async with open_settings_store(settings):
        return REVISION


async def check(settings: Settings) -> Sequence[Finding]:
    """Return what was found out about the database; nothing is made or upgraded."""
    return await examine_database(settings.store_url)
