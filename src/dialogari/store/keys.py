"""The keys of the REST API: 256 random bits each, of which the database has the SHA-256 alone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from dialogari.store.errors import KeyTakenError, UnknownKeyError, is_duplicate
from dialogari.store.prompts import check_name
from dialogari.store.tables import WellFormedText, api_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from dialogari.store.database import Database

PREFIX = "dialogari_"
"""Begins every key made here, so that those who look for leaked secrets know one."""
_BYTES = 32

_FIND = select(api_keys.c.name, api_keys.c.digest).where(
    api_keys.c.digest == bindparam("digest", type_=WellFormedText)
)
_DELETE = delete(api_keys).where(api_keys.c.name == bindparam("this", type_=WellFormedText))


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key once it was handed out."""

    name: str
    created: datetime
    """Aware, in UTC."""


class StoredKeys:
    """Makes keys, knows them again, and revokes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def make_key(self, name: str) -> str:
        """Return a new key; nobody can ever read it again.

        Raises:
            PromptNameError: what can't name a prompt can't name a key either.
            KeyTakenError: there is a key of that name.
            StoreError: the store refuses.
        """
        check_name(name)
        key = PREFIX + secrets.token_urlsafe(_BYTES)
        await self._database.write(partial(_add, name, digest(key)))
        return key

    async def list_keys(self) -> Sequence[ApiKey]:
        """Return every key, by name. Raises StoreError."""
        return await self._database.read(_list)

    async def revoke_key(self, name: str) -> None:
        """Forget a key; it is refused from now on.

        Raises:
            UnknownKeyError: there is none of that name.
            StoreError: the store refuses.
        """
        await self._database.write(partial(_revoke, name))

    async def find_key(self, key: str) -> str | None:
        """Return the name of a key, None for what is no key. Raises StoreError."""
        return await self._database.read(partial(_find, digest(key)))


def digest(key: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _add(name: str, made: str, connection: Connection) -> None:
    row = {"name": name, "digest": made, "created_at": datetime.now(UTC)}
    try:
        connection.execute(insert(api_keys), row)
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        raise KeyTakenError(name) from None


def _list(connection: Connection) -> Sequence[ApiKey]:
    # Not sorted by SQL: PostgreSQL's order is that of its locale, SQLite's that of the bytes.
    rows = connection.execute(select(api_keys.c.name, api_keys.c.created_at))
    return sorted((ApiKey(name, created) for name, created in rows), key=attrgetter("name"))


def _revoke(name: str, connection: Connection) -> None:
    if connection.execute(_DELETE, {"this": name}).rowcount == 0:
        raise UnknownKeyError(name)


def _find(made: str, connection: Connection) -> str | None:
    row = connection.execute(_FIND, {"digest": made}).one_or_none()
    # The search by an index takes a time that tells of the digest at most, never of the key.
    return row.name if row is not None and hmac.compare_digest(row.digest, made) else None
