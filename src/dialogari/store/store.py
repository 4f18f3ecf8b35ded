"""The store put together: one call opens all of it, in the order in which it must close again."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialogari.store.catalogue import StoredCatalogue
from dialogari.store.conversations import StoredConversations
from dialogari.store.database import Database, open_database
from dialogari.store.history import StoredHistory
from dialogari.store.journal import Journal
from dialogari.store.keyring import Keyring
from dialogari.store.keys import StoredKeys
from dialogari.store.mcp import StoredMcpServers
from dialogari.store.prompts import StoredPrompts
from dialogari.store.tools import StoredTools
from dialogari.tool import InvalidToolError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from datetime import timedelta

    from dialogari.tool import McpServer, Tool


@dataclass(frozen=True, slots=True)
class Store:
    """What the rest of dialogari uses of the store."""

    history: StoredHistory
    prompts: StoredPrompts
    tools: StoredTools
    servers: StoredMcpServers
    catalogue: StoredCatalogue
    conversations: StoredConversations
    keys: StoredKeys
    database: Database
    journal: Journal


def _refuse(tool: Tool | McpServer) -> None:
    raise InvalidToolError(f"{tool.name}: nobody here can tell what a tool must be like")


@asynccontextmanager
async def open_store(
    url: str,
    *,
    exclusive: bool = False,
    keyring: Keyring | None = None,
    check_tool: Callable[[Tool], None] = _refuse,
    check_server: Callable[[McpServer], None] = _refuse,
    history_ttl: timedelta | None = None,
    history_summary: bool = False,
) -> AsyncGenerator[Store]:
    """Open the store for the length of the block; at its end, turns that still wait are stored.

    `exclusive` is the bridge's: a second bridge on the same SQLite file is refused, while a
    terminal command opens it beside, without. `keyring` locks the secrets of tools; None: there are
    none. `check_tool` and `check_server` raise InvalidToolError for what can't be stored.
    `history_ttl`: how long a turn is remembered; None: as long as its conversation.
    `history_summary`: summaries stand in place of what they cover.

    Raises:
        SetupError: the operator must change something first.
        UnavailableError: the database can't be opened.
    """
    async with open_database(url, exclusive=exclusive) as database:
        journal = Journal(database)
        async with journal.running():
            prompts = StoredPrompts(database)
            keyring = keyring or Keyring()
            tools = StoredTools(database, keyring, check_tool)
            servers = StoredMcpServers(database, keyring, check_server)
            yield Store(
                history=StoredHistory(database, journal, history_ttl, summaries=history_summary),
                prompts=prompts,
                tools=tools,
                servers=servers,
                catalogue=StoredCatalogue(prompts, tools, servers),
                conversations=StoredConversations(database),
                keys=StoredKeys(database),
                database=database,
                journal=journal,
            )
