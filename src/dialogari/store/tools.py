"""The tools: read at each turn, edited from outside, the values of their headers locked."""

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
    StoreError,
    ToolChangedError,
    UnknownToolError,
    is_duplicate,
    turn_error,
)
from dialogari.store.secrets import keep_values, lock_values, open_values, same_server
from dialogari.store.tables import WellFormedText, tools
from dialogari.tool import MASK, Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from dialogari.store.database import Database
    from dialogari.store.keyring import Keyring

_log = logging.getLogger(__name__)

_THIS = bindparam("this", type_=WellFormedText)
_FIND = select(tools).where(tools.c.name == _THIS)
_FIND_ALL = select(tools).where(tools.c.name.in_(bindparam("names", expanding=True)))
# Locked against another edit at the same time, on PostgreSQL; SQLite has one writer anyhow.
_FIND_FOR_EDIT = _FIND.with_for_update()
_UPDATE = update(tools).where(tools.c.name == _THIS)
_DELETE = delete(tools).where(tools.c.name == _THIS)


class StoredTools:
    """Plays `dialogari.tool.ToolSource`, and edits what it shows.

    `check` raises InvalidToolError for what can't be a tool; it may take a while.
    """

    def __init__(self, database: Database, keyring: Keyring, check: Callable[[Tool], None]) -> None:
        self._database = database
        self._keyring = keyring
        self._check = check

    async def find_tools(self, names: Sequence[str]) -> Sequence[Tool]:
        """Return the tools of these names that there are, in this order, ready to be used.

        One whose secrets can't be opened is left out as well, and logged.

        Raises:
            TurnError: `error` and a reason `store.…`, when the store can't be read.
        """
        if not names:
            return ()
        try:
            rows = await self._database.read(partial(_find_all, names))
        except StoreError as error:
            raise turn_error(error) from error
        found = {tool.name: tool for tool in map(self._usable, rows) if tool is not None}
        return [found[name] for name in dict.fromkeys(names) if name in found]

    async def get_tool(self, name: str) -> Tool:
        """Return a tool, ready to be used.

        Raises:
            UnknownToolError: no tool has that name.
            SecretKeyError: its headers were locked with a key that is not here.
            StoreError: the store can't be read.
        """
        tool = await self._database.read(partial(_get, name))
        return replace(
            tool, headers=await asyncio.to_thread(open_values, self._keyring, tool.headers)
        )

    async def show_tool(self, name: str) -> Tool:
        """Return a tool for people: `MASK` for the value of each header.

        Raises:
            UnknownToolError: no tool has that name.
            StoreError: the store can't be read.
        """
        return _masked(await self._database.read(partial(_get, name)))

    async def list_tools(self) -> Sequence[Tool]:
        """Return every tool for people, by name: `MASK` for the value of each header.

        Raises:
            StoreError: the store can't be read.
        """
        return await self._database.read(_list)

    async def put_tool(self, tool: Tool, *, replaces: int | None = None) -> Tool:
        """Store `tool` in place of the one of its name; return it for people.

        Its own `version` and `updated` don't count. A header whose value is `MASK` keeps the value
        it has. `replaces`: the version that must be stored now, 0 for none; None: whichever.

        Raises:
            InvalidToolError: it can't be a tool, or no header is there to keep.
            ToolChangedError: another version is stored.
            SecretKeyError: there is no key to lock its headers with.
            StoreError: the store refuses.
        """
        await asyncio.to_thread(self._check, tool)
        locked = await asyncio.to_thread(lock_values, self._keyring, tool.headers)
        return _masked(await self._database.write(partial(_put, tool, locked, replaces)))

    async def delete_tool(self, name: str, *, replaces: int | None = None) -> None:
        """Forget a tool; `replaces` as at `put_tool`.

        Raises:
            UnknownToolError: no tool has that name.
            ToolChangedError: another version is stored.
            StoreError: the store refuses.
        """
        await self._database.write(partial(_delete, name, replaces))

    async def lock_again(self) -> int:
        """Lock every secret with the first key of SECRET_KEY; return how many there are.

        After it, the keys behind the first one are needed no more.

        Raises:
            SecretKeyError: one was locked with a key that is not here; nothing is changed.
            StoreError: the store refuses.
        """
        return await self._database.write(self._lock_all_again)

    def _lock_all_again(self, connection: Connection) -> int:
        count = 0
        for row in connection.execute(select(tools).with_for_update()).mappings().all():
            locked = lock_values(self._keyring, open_values(self._keyring, row["headers"]))
            connection.execute(_UPDATE.values(headers=locked), {"this": row["name"]})
            count += len(locked)
        return count

    def _usable(self, tool: Tool) -> Tool | None:
        try:
            return replace(tool, headers=open_values(self._keyring, tool.headers))
        except SecretKeyError:
            _log.warning("the tool %s is left out: its secrets can't be opened", tool.name)
            return None


def _find_all(names: Sequence[str], connection: Connection) -> Sequence[Tool]:
    rows = connection.execute(_FIND_ALL, {"names": list(names)}).mappings()
    return [_tool(row) for row in rows]


def _get(name: str, connection: Connection) -> Tool:
    row = connection.execute(_FIND, {"this": name}).mappings().one_or_none()
    if row is None:
        raise UnknownToolError(name)
    return _tool(row)


def _list(connection: Connection) -> Sequence[Tool]:
    # Not sorted by SQL: PostgreSQL's order is that of its locale, SQLite's that of the bytes.
    rows = connection.execute(select(tools)).mappings()
    return sorted((_masked(_tool(row)) for row in rows), key=attrgetter("name"))


def _put(
    tool: Tool, locked: Mapping[str, str], replaces: int | None, connection: Connection
) -> Tool:
    row = connection.execute(_FIND_FOR_EDIT, {"this": tool.name}).mappings().one_or_none()
    present = None if row is None else _tool(row)
    version = present.version if present else 0
    if replaces not in {None, version}:
        raise ToolChangedError(tool.name)
    elsewhere = present is not None and not same_server(tool.url, present.url)
    headers: Mapping[str, str] = present.headers if present else {}
    stored = replace(
        tool,
        headers=keep_values("header", locked, headers, elsewhere=elsewhere),
        version=version + 1,
        updated=datetime.now(UTC),
    )
    if present is None:
        _insert(stored, connection)
    else:
        connection.execute(_UPDATE.values(**_row(stored)), {"this": stored.name})
    return stored


def _insert(tool: Tool, connection: Connection) -> None:
    try:
        connection.execute(insert(tools), {"name": tool.name, **_row(tool)})
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        raise ToolChangedError(tool.name) from None  # another bridge has just made it


def _delete(name: str, replaces: int | None, connection: Connection) -> None:
    row = connection.execute(_FIND_FOR_EDIT, {"this": name}).mappings().one_or_none()
    if row is None:
        raise UnknownToolError(name)
    if replaces not in {None, row["version"]}:
        raise ToolChangedError(name)
    connection.execute(_DELETE, {"this": name})


def _masked(tool: Tool) -> Tool:
    return replace(tool, headers=dict.fromkeys(tool.headers, MASK))


def _row(tool: Tool) -> dict[str, object]:
    return {
        "description": tool.description,
        "parameters": dict(tool.parameters),
        "method": tool.method,
        "url": tool.url,
        "headers": dict(tool.headers),
        "timeout": tool.timeout,
        "result_path": tool.result_path,
        "version": tool.version,
        "updated_at": tool.updated,
    }


def _tool(row: RowMapping) -> Tool:
    return Tool(
        name=row["name"],
        description=row["description"],
        parameters=row["parameters"],
        url=row["url"],
        method=row["method"],
        headers=row["headers"],
        timeout=row["timeout"],
        result_path=row["result_path"],
        version=row["version"],
        updated=row["updated_at"],
    )
