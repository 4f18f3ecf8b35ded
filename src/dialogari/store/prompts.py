"""The prompts: read at each turn, edited from the terminal, every edit kept as a version."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select, text, update

from dialogari.store.errors import (
    PromptChangedError,
    PromptNameError,
    PromptTelephoneError,
    StoreError,
    UnknownPromptError,
    turn_error,
)
from dialogari.store.tables import WellFormedText, prompt_versions, prompts
from dialogari.telephone import InvalidTelephoneError, check_telephone
from dialogari.turn import Prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, RowMapping

    from dialogari.store.database import Database

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")

_CURRENT = select(prompt_versions).join(
    prompts,
    (prompts.c.name == prompt_versions.c.name)
    & (prompts.c.current_version == prompt_versions.c.version),
)
_THIS = bindparam("this", type_=WellFormedText)
_FIND = _CURRENT.where(prompts.c.name == _THIS)
_VERSIONS = (
    select(prompt_versions)
    .where(prompt_versions.c.name == _THIS)
    .order_by(prompt_versions.c.version.desc())
)
# As text, which both databases read; SQLAlchemy has a form of its own for each.
_ADD_NAME = text(
    "INSERT INTO prompts (name, last_version) VALUES (:this, 0) ON CONFLICT (name) DO NOTHING"
).bindparams(_THIS)
_COUNT_UP = (
    update(prompts)
    .where(prompts.c.name == _THIS)
    .values(last_version=prompts.c.last_version + 1, current_version=prompts.c.last_version + 1)
)
_LAST_VERSION = select(prompts.c.last_version).where(prompts.c.name == _THIS)
# Locked against another edit at the same time, on PostgreSQL; SQLite has one writer anyhow.
_CURRENT_VERSION = (
    select(prompts.c.current_version).where(prompts.c.name == _THIS).with_for_update()
)
_ONE_VERSION = select(prompt_versions).where(
    prompt_versions.c.name == _THIS, prompt_versions.c.version == bindparam("number")
)
_ADD_VERSION = insert(prompt_versions)
_CLEAR = update(prompts).where(prompts.c.name == _THIS).values(current_version=None)
_DELETE_VERSIONS = delete(prompt_versions).where(prompt_versions.c.name == _THIS)


class StoredPrompts:
    """Finds prompts for turns and people, and edits them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_prompt(self, name: str) -> Prompt | None:
        """Return the version in force, or None where no prompt has that name.

        Raises:
            TurnError: `error` and a reason `store.…`, when the store can't be read.
        """
        try:
            return await self._database.read(partial(_find, name))
        except StoreError as error:
            raise turn_error(error) from error

    async def list_prompts(self) -> Sequence[Prompt]:
        """Return the version in force of every prompt, by name.

        Raises:
            StoreError: the store can't be read.
        """
        return await self._database.read(_list)

    async def list_versions(self, name: str) -> Sequence[Prompt]:
        """Return every version of a prompt, newest first.

        Raises:
            UnknownPromptError: no prompt has that name.
            StoreError: the store can't be read.
        """
        return await self._database.read(partial(_list_versions, name))

    async def set_prompt(self, prompt: Prompt, *, replaces: int | None = None) -> Prompt:
        """Store `prompt` as the newest version of its name and put it in force.

        Its own `version` and `created` don't count; the returned prompt has the stored ones.
        `replaces`: the version that must be in force now, 0 for none; None: whichever.

        Raises:
            PromptChangedError: another version is in force.
            PromptNameError: the name is not 1 to 64 of letters, digits, `-`, `_` and `.`, or begins
                with `-` or `.`.
            PromptTelephoneError: no call can do what it lets its model decide.
            StoreError: the store refuses.
        """
        check_name(prompt.name)
        try:
            check_telephone(prompt.actions, prompt.transfers)
        except InvalidTelephoneError as error:
            raise PromptTelephoneError(error) from None
        return await self._database.write(partial(_set, prompt, replaces))

    async def restore_prompt(
        self, name: str, version: int, *, replaces: int | None = None
    ) -> Prompt:
        """Store an old version once more, as the newest one; `replaces` as at `set_prompt`.

        Raises:
            UnknownPromptError: no prompt has that name and that version.
            PromptChangedError: another version is in force.
            StoreError: the store refuses.
        """
        return await self._database.write(partial(_restore, name, version, replaces))

    async def delete_prompt(self, name: str, *, replaces: int | None = None) -> None:
        """Forget a prompt and all its versions; the number of its last one is never given again.

        `replaces` as at `set_prompt`.

        Raises:
            UnknownPromptError: no prompt has that name.
            PromptChangedError: another version is in force.
            StoreError: the store refuses.
        """
        await self._database.write(partial(_delete, name, replaces))


def check_name(name: str) -> None:
    """Let pass what can name a prompt. Raises PromptNameError."""
    if _NAME.fullmatch(name) is None:
        raise PromptNameError(name)


def _find(name: str, connection: Connection) -> Prompt | None:
    row = connection.execute(_FIND, {"this": name}).mappings().one_or_none()
    return None if row is None else _prompt(row)


def _list(connection: Connection) -> Sequence[Prompt]:
    # Not sorted by SQL: PostgreSQL's order is that of its locale, SQLite's that of the bytes.
    return sorted(
        (_prompt(row) for row in connection.execute(_CURRENT).mappings()),
        key=attrgetter("name"),
    )


def _list_versions(name: str, connection: Connection) -> Sequence[Prompt]:
    rows = connection.execute(_VERSIONS, {"this": name}).mappings().all()
    if not rows:
        raise UnknownPromptError(name)
    return [_prompt(row) for row in rows]


def _set(prompt: Prompt, replaces: int | None, connection: Connection) -> Prompt:
    connection.execute(_ADD_NAME, {"this": prompt.name})
    _check_current(prompt.name, replaces, connection)
    connection.execute(_COUNT_UP, {"this": prompt.name})
    version = connection.execute(_LAST_VERSION, {"this": prompt.name}).scalar_one()
    stored = replace(prompt, version=version, created=datetime.now(UTC))
    connection.execute(
        _ADD_VERSION,
        {
            "name": stored.name,
            "version": stored.version,
            "content": stored.content,
            "model": stored.model,
            "language": stored.language,
            "fallback_text": stored.fallback_text,
            "note": stored.note,
            "tools": list(stored.tools) or None,
            "actions": list(stored.actions) or None,
            "transfers": list(stored.transfers) or None,
            "tool_phrase": stored.tool_phrase,
            "created_at": stored.created,
        },
    )
    return stored


def _restore(name: str, version: int, replaces: int | None, connection: Connection) -> Prompt:
    found = connection.execute(_ONE_VERSION, {"this": name, "number": version}).mappings()
    row = found.one_or_none()
    if row is None:
        raise UnknownPromptError(name)
    return _set(replace(_prompt(row), note=f"version {version} restored"), replaces, connection)


def _check_current(name: str, replaces: int | None, connection: Connection) -> None:
    current = connection.execute(_CURRENT_VERSION, {"this": name}).scalar()
    if replaces not in {None, current or 0}:
        raise PromptChangedError(name)


def _delete(name: str, replaces: int | None, connection: Connection) -> None:
    _check_current(name, replaces, connection)
    if connection.execute(_DELETE_VERSIONS, {"this": name}).rowcount == 0:
        raise UnknownPromptError(name)
    connection.execute(_CLEAR, {"this": name})


def _prompt(row: RowMapping) -> Prompt:
    return Prompt(
        name=row["name"],
        content=row["content"],
        version=row["version"],
        model=row["model"],
        language=row["language"],
        fallback_text=row["fallback_text"],
        note=row["note"],
        tools=tuple(row["tools"] or ()),
        actions=tuple(row["actions"] or ()),
        transfers=tuple(row["transfers"] or ()),
        tool_phrase=row["tool_phrase"],
        created=row["created_at"],
    )
