"""The MCP servers: read at each turn, edited from outside, their secrets locked."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from dialogari.store.errors import (
    SecretKeyError,
    ServerChangedError,
    UnknownServerError,
    is_duplicate,
)
from dialogari.store.secrets import keep_values, lock_values, open_values, same_server
from dialogari.store.tables import WellFormedText, mcp_servers
from dialogari.tool import MASK, McpChoice, McpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection, RowMapping

    from dialogari.store.database import Database
    from dialogari.store.keyring import Keyring

_log = logging.getLogger(__name__)

_THIS = bindparam("this", type_=WellFormedText)
_FIND = select(mcp_servers).where(mcp_servers.c.name == _THIS)
# Locked against another edit at the same time, on PostgreSQL; SQLite has one writer anyhow.
_FIND_FOR_EDIT = _FIND.with_for_update()
_UPDATE = update(mcp_servers).where(mcp_servers.c.name == _THIS)
_DELETE = delete(mcp_servers).where(mcp_servers.c.name == _THIS)


class StoredMcpServers:
    """Finds MCP servers for turns and people, and edits them.

    `check` raises InvalidToolError for what can't be a server.
    """

    def __init__(
        self, database: Database, keyring: Keyring, check: Callable[[McpServer], None]
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._check = check

    async def find_choices(self, names: Sequence[str]) -> Sequence[McpChoice]:
        """Return what `server/tool` and `server/*` among these names choose, in this order.

        A server that there is not, or whose secrets can't be opened, is left out.

        Raises:
            StoreError: the store can't be read.
        """
        asked = [name.partition("/") for name in dict.fromkeys(names)]
        asked = [parts for parts in asked if parts[1] and parts[2]]
        if not asked:
            return ()
        servers = {server.name: server for server in await self.find_servers()}
        return [McpChoice(servers[name], tool) for name, _, tool in asked if name in servers]

    async def find_servers(self) -> Sequence[McpServer]:
        """Return all servers whose secrets can be opened, ready to be used.

        Raises:
            StoreError: the store can't be read.
        """
        return list(self._usable(await self._database.read(_list)))

    async def show_server(self, name: str) -> McpServer:
        """Return a server for people: `MASK` for each secret.

        Raises:
            UnknownServerError: no server has that name.
            StoreError: the store can't be read.
        """
        return _masked(await self._database.read(partial(_get, name)))

    async def list_servers(self) -> Sequence[McpServer]:
        """Return every server for people, by name. Raises StoreError."""
        return [_masked(server) for server in await self._database.read(_list)]

    async def get_server(self, name: str) -> McpServer:
        """Return a server, ready to be used.

        Raises:
            UnknownServerError: no server has that name.
            SecretKeyError: its secrets were locked with a key that is not here.
            StoreError: the store can't be read.
        """
        server = await self._database.read(partial(_get, name))
        return await asyncio.to_thread(self._open, server)

    async def put_server(self, server: McpServer, *, replaces: int | None = None) -> McpServer:
        """Store `server` in place of the one of its name; return it for people.

        A secret that is `MASK` keeps the value it has. `replaces`: the version that must be stored
        now, 0 for none; None: whichever.

        Raises:
            InvalidToolError: it can't be a server, or no secret is there to keep.
            ServerChangedError: another version is stored.
            SecretKeyError: there is no key to lock its secrets with.
            StoreError: the store refuses.
        """
        self._check(server)
        locked = replace(
            server,
            env=await asyncio.to_thread(lock_values, self._keyring, server.env),
            headers=await asyncio.to_thread(lock_values, self._keyring, server.headers),
        )
        return _masked(await self._database.write(partial(_put, locked, replaces)))

    async def delete_server(self, name: str, *, replaces: int | None = None) -> None:
        """Forget a server; `replaces` as at `put_server`.

        Raises:
            UnknownServerError: no server has that name.
            ServerChangedError: another version is stored.
            StoreError: the store refuses.
        """
        await self._database.write(partial(_delete, name, replaces))

    async def lock_again(self) -> int:
        """Lock every secret with the first key of SECRET_KEY; return how many there are.

        Raises:
            SecretKeyError: one was locked with a key that is not here; nothing is changed.
            StoreError: the store refuses.
        """
        return await self._database.write(self._lock_all_again)

    def _lock_all_again(self, connection: Connection) -> int:
        count = 0
        for row in connection.execute(select(mcp_servers).with_for_update()).mappings().all():
            opened = self._open(_server(row))
            env = lock_values(self._keyring, opened.env)
            headers = lock_values(self._keyring, opened.headers)
            connection.execute(_UPDATE.values(env=env, headers=headers), {"this": opened.name})
            count += len(env) + len(headers)
        return count

    def _usable(self, servers: Sequence[McpServer]) -> Iterator[McpServer]:
        for server in servers:
            try:
                yield self._open(server)
            except SecretKeyError:
                _log.warning(
                    "the MCP server %s is left out: its secrets can't be opened", server.name
                )

    def _open(self, server: McpServer) -> McpServer:
        return replace(
            server,
            env=open_values(self._keyring, server.env),
            headers=open_values(self._keyring, server.headers),
        )


def _get(name: str, connection: Connection) -> McpServer:
    row = connection.execute(_FIND, {"this": name}).mappings().one_or_none()
    if row is None:
        raise UnknownServerError(name)
    return _server(row)


def _list(connection: Connection) -> Sequence[McpServer]:
    # Not sorted by SQL: PostgreSQL's order is that of its locale, SQLite's that of the bytes.
    rows = connection.execute(select(mcp_servers)).mappings()
    return sorted(map(_server, rows), key=attrgetter("name"))


def _put(server: McpServer, replaces: int | None, connection: Connection) -> McpServer:
    row = connection.execute(_FIND_FOR_EDIT, {"this": server.name}).mappings().one_or_none()
    present = McpServer(server.name, version=0) if row is None else _server(row)
    if replaces not in {None, present.version}:
        raise ServerChangedError(server.name)
    elsewhere = not same_server(server.url, present.url)
    stored = replace(
        server,
        env=keep_values("env", server.env, present.env),
        headers=keep_values("header", server.headers, present.headers, elsewhere=elsewhere),
        version=present.version + 1,
        updated=datetime.now(UTC),
    )
    if row is None:
        _insert(stored, connection)
    else:
        connection.execute(_UPDATE.values(**_row(stored)), {"this": stored.name})
    return stored


def _insert(server: McpServer, connection: Connection) -> None:
    try:
        connection.execute(insert(mcp_servers), {"name": server.name, **_row(server)})
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        raise ServerChangedError(server.name) from None  # another bridge has just made it


def _row(stored: McpServer) -> dict[str, object]:
    return {
        "command": stored.command,
        "args": list(stored.args),
        "env": dict(stored.env),
        "url": stored.url,
        "headers": dict(stored.headers),
        "timeout": stored.timeout,
        "version": stored.version,
        "updated_at": stored.updated,
    }


def _delete(name: str, replaces: int | None, connection: Connection) -> None:
    row = connection.execute(_FIND_FOR_EDIT, {"this": name}).mappings().one_or_none()
    if row is None:
        raise UnknownServerError(name)
    if replaces not in {None, row["version"]}:
        raise ServerChangedError(name)
    connection.execute(_DELETE, {"this": name})


def _masked(server: McpServer) -> McpServer:
    return replace(
        server,
        env=dict.fromkeys(server.env, MASK),
        headers=dict.fromkeys(server.headers, MASK),
    )


def _server(row: RowMapping) -> McpServer:
    return McpServer(
        name=row["name"],
        command=row["command"],
        args=tuple(row["args"]),
        env=row["env"],
        url=row["url"],
        headers=row["headers"],
        timeout=row["timeout"],
        version=row["version"],
        updated=row["updated_at"],
    )
