"""Rows with a name, a version and secrets: what tools and MCP servers have in common.

Secrets are locked on their way in and opened for turns alone; people are shown `MASK`.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from dialogari.store.errors import SecretKeyError, is_duplicate
from dialogari.store.secrets import keep_values, lock_values, open_values, same_server
from dialogari.store.tables import WellFormedText
from dialogari.tool import MASK, McpServer, Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping, Table

    from dialogari.store.database import Database
    from dialogari.store.errors import StoreError
    from dialogari.store.keyring import Keyring

T = TypeVar("T", Tool, McpServer)

_THIS = bindparam("this", type_=WellFormedText)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """What sets one kind of these rows apart."""

    title: str
    """For the log."""
    table: Table
    secrets: Mapping[str, str]
    """The fields that hold secrets, and what one of each is called."""
    read: Callable[[RowMapping], T]
    write: Callable[[T], Mapping[str, object]]
    """Return every column but the name."""
    unknown: Callable[[str], StoreError]
    changed: Callable[[str], StoreError]


class LockedRows(Generic[T]):
    """Finds rows for turns and for people, and edits them.

    `check` raises InvalidToolError for what can't be stored; it may take a while.
    """

    def __init__(
        self, kind: Kind[T], database: Database, keyring: Keyring, check: Callable[[T], None]
    ) -> None:
        self._kind = kind
        self._database = database
        self._keyring = keyring
        self._check = check
        self._find_all = select(kind.table)
        self._find_some = self._find_all.where(
            kind.table.c.name.in_(bindparam("names", expanding=True))
        )
        self._find = self._find_all.where(kind.table.c.name == _THIS)
        # Locked against another edit at the same time, on PostgreSQL; SQLite has one writer anyhow.
        self._find_for_edit = self._find.with_for_update()
        self._update = update(kind.table).where(kind.table.c.name == _THIS)
        self._delete = delete(kind.table).where(kind.table.c.name == _THIS)

    async def find(self, names: Sequence[str] | None = None) -> Sequence[T]:
        """Return the rows of these names that there are, or all, by name and ready to be used.

        One whose secrets can't be opened is left out, and logged. Raises StoreError.
        """
        rows = await self._database.read(partial(self._read_some, names))
        return [row for row in map(self._usable, rows) if row is not None]

    async def get(self, name: str) -> T:
        """Return a row, ready to be used.

        Raises:
            StoreError: no row has that name, or the store can't be read.
            SecretKeyError: its secrets were locked with a key that is not here.
        """
        row = await self._database.read(partial(self._read_one, name))
        return await asyncio.to_thread(self._open, row)

    async def show(self, name: str) -> T:
        """Return a row for people. Raises StoreError, also where no row has that name."""
        return self._masked(await self._database.read(partial(self._read_one, name)))

    async def list_all(self) -> Sequence[T]:
        """Return every row for people, by name. Raises StoreError."""
        return [
            self._masked(row) for row in await self._database.read(partial(self._read_some, None))
        ]

    async def put(self, row: T, *, replaces: int | None = None) -> T:
        """Store `row` in place of the one of its name; return it for people.

        Its own `version` and `updated` don't count. A secret that is `MASK` keeps the value it has.
        `replaces`: the version that must be stored now, 0 for none; None: whichever.

        Raises:
            InvalidToolError: it can't be stored, or a secret can't be kept.
            SecretKeyError: there is no key to lock its secrets with.
            StoreError: another version is stored, or the store refuses.
        """
        await asyncio.to_thread(self._check, row)
        locked = await asyncio.to_thread(self._lock, row)
        return self._masked(await self._database.write(partial(self._put, locked, replaces)))

    async def delete(self, name: str, *, replaces: int | None = None) -> None:
        """Forget a row; `replaces` as at `put`.

        Raises:
            StoreError: no row has that name, another version is stored, or the store refuses.
        """
        await self._database.write(partial(self._forget, name, replaces))

    async def lock_again(self) -> int:
        """Lock every secret with the first key of SECRET_KEY; return how many there are.

        After it, the keys behind the first one are needed no more.

        Raises:
            SecretKeyError: one was locked with a key that is not here; nothing is changed.
            StoreError: the store refuses.
        """
        return await self._database.write(self._lock_all_again)

    def _read_one(self, name: str, connection: Connection) -> T:
        row = connection.execute(self._find, {"this": name}).mappings().one_or_none()
        if row is None:
            raise self._kind.unknown(name)
        return self._kind.read(row)

    def _read_some(self, names: Sequence[str] | None, connection: Connection) -> Sequence[T]:
        if names is None:
            rows = connection.execute(self._find_all).mappings()
        else:
            rows = connection.execute(self._find_some, {"names": list(names)}).mappings()
        # Not sorted by SQL: PostgreSQL's order is that of its locale, SQLite's that of the bytes.
        return sorted(map(self._kind.read, rows), key=attrgetter("name"))

    def _put(self, row: T, replaces: int | None, connection: Connection) -> T:
        found = connection.execute(self._find_for_edit, {"this": row.name}).mappings().one_or_none()
        present = None if found is None else self._kind.read(found)
        version = present.version if present else 0
        if replaces not in {None, version}:
            raise self._kind.changed(row.name)
        kept = self._keep(row, present)
        stored = replace(row, **kept, version=version + 1, updated=datetime.now(UTC))
        if present is None:
            self._insert(stored, connection)
        else:
            connection.execute(self._update.values(**self._kind.write(stored)), {"this": row.name})
        return stored

    def _insert(self, row: T, connection: Connection) -> None:
        values = {"name": row.name, **self._kind.write(row)}
        try:
            connection.execute(insert(self._kind.table), values)
        except IntegrityError as error:
            if not is_duplicate(error):
                raise
            raise self._kind.changed(row.name) from None  # another bridge has just made it

    def _forget(self, name: str, replaces: int | None, connection: Connection) -> None:
        row = connection.execute(self._find_for_edit, {"this": name}).mappings().one_or_none()
        if row is None:
            raise self._kind.unknown(name)
        if replaces not in {None, row["version"]}:
            raise self._kind.changed(name)
        connection.execute(self._delete, {"this": name})

    def _lock_all_again(self, connection: Connection) -> int:
        count = 0
        rows = connection.execute(self._find_all.with_for_update()).mappings().all()
        for row in map(self._kind.read, rows):
            locked = self._each_secret(
                self._open(row), lambda values: lock_values(self._keyring, values)
            )
            connection.execute(self._update.values(**locked), {"this": row.name})
            count += sum(map(len, locked.values()))
        return count

    def _each_secret(
        self, row: T, change: Callable[[Mapping[str, str]], dict[str, str]]
    ) -> dict[str, Any]:
        return {field: change(getattr(row, field)) for field in self._kind.secrets}

    def _lock(self, row: T) -> T:
        return replace(
            row, **self._each_secret(row, lambda values: lock_values(self._keyring, values))
        )

    def _open(self, row: T) -> T:
        return replace(
            row, **self._each_secret(row, lambda values: open_values(self._keyring, values))
        )

    def _masked(self, row: T) -> T:
        return replace(row, **self._each_secret(row, lambda values: dict.fromkeys(values, MASK)))

    def _keep(self, row: T, present: T | None) -> dict[str, Any]:
        elsewhere = present is not None and not same_server(row.url, present.url)
        return {
            field: keep_values(
                called, getattr(row, field), getattr(present, field, {}), elsewhere=elsewhere
            )
            for field, called in self._kind.secrets.items()
        }

    def _usable(self, row: T) -> T | None:
        try:
            return self._open(row)
        except SecretKeyError:
            _log.warning(
                "the %s %s is left out: its secrets can't be opened", self._kind.title, row.name
            )
            return None
