"""A look at a database from outside: what is there, without making, upgrading or claiming it."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from dialogari.store.errors import UnavailableError, explain
from dialogari.store.locks import FileLock, LockHeldError
from dialogari.store.schema import needs_upgrade
from dialogari.store.sqlite import BUSY_SECONDS, database_path

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class DatabaseLook:
    """What was seen."""

    path: Path
    exists: bool
    needs_upgrade: bool = False
    holder: int | None = None
    """The process that has claimed it as its bridge; 0: one that did not sign."""


def look_at_database(url: str) -> DatabaseLook:
    """Look at `sqlite:///PATH`. Blocks.

    Raises:
        SetupError: the URL, or a database that is too new or another program's.
        UnavailableError: it can't be read.
    """
    path = database_path(url)
    try:
        if not path.exists():
            return DatabaseLook(path, exists=False)
        return DatabaseLook(path, True, _needs_upgrade(path), _holder(path))
    except OSError as error:
        raise UnavailableError("store.unavailable", f"{path}: {error.strerror}") from error


def _needs_upgrade(path: Path) -> bool:
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS),
        poolclass=NullPool,
        hide_parameters=True,
    )
    try:
        with engine.connect() as connection:
            return needs_upgrade(connection)
    except SQLAlchemyError as error:
        raise explain(error) from error
    finally:
        engine.dispose()


def _holder(path: Path) -> int | None:
    """Try the bridge's lock for an instant; one that starts meanwhile waits a second for it."""
    place = path.with_name(path.name + ".lock")
    if not place.exists():
        return None
    with suppress(PermissionError), closing(FileLock(place, like=path)) as lock:
        try:
            lock.acquire(0)
        except LockHeldError as error:
            return error.pid
        lock.release()
    return None
