"""A SQLite file: who may open it, its one connection that writes, its few that only read.

The write-ahead log lets readers work while the writer commits, and `synchronous=FULL` makes a
commit survive a power cut; the journal's group commit is what makes that cheap (measured at 32
turns at once: 1,028 turns/s with the log, 113 without). Writers say BEGIN IMMEDIATE: with a plain
BEGIN four processes got "database is locked" 65 times in 1,600 transactions in spite of a busy
timeout, with this never.

Everything here blocks; `dialogari.store.sqlite_database` calls it from threads.
"""

from __future__ import annotations

import json
import logging
import os
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import URL, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from dialogari.store.errors import DatabaseInUseError, DatabaseUrlError, UnavailableError, explain
from dialogari.store.locks import FileLock, LockHeldError
from dialogari.store.schema import needs_upgrade, upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

Result = TypeVar("Result")

READERS = 2
"""Reading connections, and threads that use them."""
BUSY_SECONDS = 5.0
"""How long one writer waits for another, at SQLite's own lock and at ours alike."""
_CLAIM_SECONDS = 1.0
_UPGRADE_SECONDS = 5.0
_LOG_BYTES = 16 * 1024 * 1024
"""To what size the write-ahead log is cut back after a burst."""


def database_path(url: str) -> Path:
    """Return the file that `sqlite:///PATH` names (four slashes for an absolute path).

    The path is taken as it is written: nothing in it is decoded.

    Raises:
        DatabaseUrlError: another form, another database, or one in memory.
    """
    name = url.removeprefix("sqlite:///")
    if name in ("", url, ":memory:") or "?" in name:
        # Not repeated here: the address of another database may hold its password.
        raise DatabaseUrlError(
            "DATABASE_URL must name a file, sqlite:///PATH, without a driver or options"
        )
    return Path(name).absolute()


class SqliteFile:
    """The file, open for reading and writing with its tables up to date."""

    def __init__(self, path: Path, *, exclusive: bool, upgraded: bool = True) -> None:
        """Make the file where it is missing, claim it if `exclusive`, upgrade its tables.

        `upgraded=False` takes the file and its tables as they are.

        Raises:
            SetupError: another process holds it, or its tables are not ours or too new.
            UnavailableError: it can't be made, read or written.
        """
        self.path = path
        with _as_store_errors(path), ExitStack() as opened:
            if upgraded:
                _create(path)
            elif not path.exists():
                raise UnavailableError(
                    "store.unavailable", f"there is no {path} yet: `dialogari db upgrade` makes it"
                )
            self._claim = FileLock(path.with_name(path.name + ".lock"), like=path)
            opened.callback(self._claim.close)
            self._write_lock = FileLock(path.with_name(path.name + ".write-lock"), like=path)
            opened.callback(self._write_lock.close)
            self._writer = _writer_engine(path)
            opened.callback(self._writer.dispose)
            self._reader = _reader_engine(path)
            opened.callback(self._reader.dispose)
            if exclusive:
                self._claim_for_good()
            if upgraded:
                self._upgrade(claimed=exclusive)
            self._opened = opened.pop_all()

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Return `work` of a reading connection; each of its statements sees the last commit.

        Raises:
            StoreError: the database fails.
        """
        with _as_store_errors(self.path), self._reader.connect() as connection:
            return work(connection)

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Return `work` of the writing connection, once its transaction would survive a crash.

        Raises:
            StoreError: the database fails; nothing of `work` is stored.
        """
        with (
            _as_store_errors(self.path),
            self._write_lock.held(BUSY_SECONDS),
            self._writer.begin() as connection,
        ):
            return work(connection)

    def close(self) -> None:
        """Close the connections, then give up the locks."""
        with _as_store_errors(self.path):
            self._opened.close()

    def _claim_for_good(self) -> None:
        try:
            self._claim.acquire(_CLAIM_SECONDS)
        except LockHeldError as error:
            raise DatabaseInUseError(
                f"the database {self.path} is in use by another bridge (process {error.pid}); "
                "stop that one, or set DATABASE_URL to another file",
                error.pid,
            ) from error
        self._claim.sign()

    def _upgrade(self, *, claimed: bool) -> None:
        """Upgrade under the claim, so that no bridge works on tables that change beneath it."""
        give_up = time.monotonic() + _UPGRADE_SECONDS
        # Whoever holds the claim may be starting as well, and do what we came for.
        while self.read(needs_upgrade):
            if claimed:
                return self.write(upgrade)
            try:
                with self._claim.held(0.1):
                    return self.write(upgrade)
            except LockHeldError as error:
                if time.monotonic() >= give_up:
                    raise DatabaseInUseError(
                        f"the database {self.path} must be upgraded, but a bridge of an older "
                        f"version (process {error.pid}) is at work on it; restart that bridge",
                        error.pid,
                    ) from error
        return None


def _create(path: Path) -> None:
    """Make an empty file that only its owner reads, for conversations are private.

    SQLite gives the files beside it the same mode.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Only if missing: to open and close it later would drop this process's locks on it.
    if not path.exists():
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            return


def _writer_engine(path: Path) -> Engine:
    engine = _engine(
        path,
        1,
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA foreign_keys=ON",
        f"PRAGMA journal_size_limit={_LOG_BYTES}",
    )
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _reader_engine(path: Path) -> Engine:
    return _engine(path, READERS, "PRAGMA query_only=ON", "PRAGMA wal_autocheckpoint=0")


def _engine(path: Path, connections: int, *pragmas: str) -> Engine:
    # Below it, SQLAlchemy logs statements and, at DEBUG, every row: what callers said.
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        # Transactions are said in SQL; which thread uses a connection is the pool's matter.
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": BUSY_SECONDS},
        pool_size=connections,
        max_overflow=0,
        # The parameters are what a caller said, and an exception may be logged.
        hide_parameters=True,
        json_serializer=partial(json.dumps, ensure_ascii=False),
    )
    event.listen(engine, "connect", partial(_set_pragmas, pragmas))
    return engine


def _set_pragmas(
    pragmas: tuple[str, ...], connection: DBAPIConnection, entry: ConnectionPoolEntry
) -> None:
    del entry
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(pragma)
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _as_store_errors(path: Path) -> Generator[None]:
    """Let nothing but a StoreError and programming errors out of the block."""
    try:
        yield
    except SQLAlchemyError as error:
        raise explain(error) from error
    except LockHeldError as error:
        raise UnavailableError(
            "store.locked", f"another process keeps writing the database {path}"
        ) from error
    except OSError as error:
        raise UnavailableError(
            "store.unavailable", f"{error.filename or path}: {error.strerror}"
        ) from error
