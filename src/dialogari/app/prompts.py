"""The store, for those who edit its prompts and tools, and the folder it lies in."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from dialogari.agent.mcp.rules import check_server
from dialogari.agent.tool_rules import check_tool
from dialogari.config import ConfigError, Settings
from dialogari.store.keyring import KEY_FILE, Keyring
from dialogari.store.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.store.prompts import StoredPrompts


@asynccontextmanager
async def open_settings_store(
    settings: Settings, *, exclusive: bool = False
) -> AsyncGenerator[Store]:
    """Open the store that the settings name.

    `exclusive`: as the one bridge on this database. Raises ConfigError and StoreError.
    """
    try:
        settings.dialogari_state_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"DIALOGARI_STATE_DIR: {settings.dialogari_state_dir} can't be made "
            f"({error.strerror}); name a folder that this user may write"
        ) from None
    keyring = Keyring(settings.secret_keys, settings.dialogari_state_dir / KEY_FILE)
    async with open_store(
        settings.store_url,
        exclusive=exclusive,
        keyring=keyring,
        check_tool=check_tool,
        check_server=check_server,
        history_ttl=timedelta(seconds=settings.history_ttl) if settings.history_ttl else None,
        history_summary=settings.history_summary,
    ) as store:
        yield store


@asynccontextmanager
async def open_prompts(settings: Settings) -> AsyncGenerator[StoredPrompts]:
    """Open the prompts, beside a running bridge or not. Raises ConfigError and StoreError."""
    async with open_settings_store(settings) as store:
        yield store.prompts
