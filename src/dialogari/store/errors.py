"""What can go wrong with the store, split by who must act.

    StoreError
    ├── SetupError              the operator, before the bridge can start
    │   ├── DatabaseUrlError        mend DATABASE_URL
    │   ├── DatabaseInUseError      stop the other process, or give this one its own database
    │   ├── DatabaseTooNewError     install the dialogari that wrote this database, or a newer one
    │   └── ForeignDatabaseError    name another database: this one belongs to another program
    ├── UnavailableError        the operator, now: disk, permissions, locks, a damaged file
    │   └── UnreachableError        no server answers; at the start it is a DatabaseUrlError
    ├── RejectedError           the developer: the database refused one statement, not the rest
    ├── TurnClashError          nobody: another process answered the same conversation first
    ├── PromptError             whoever edits prompts
    │   ├── PromptNameError
    │   ├── PromptTelephoneError
    │   ├── UnknownPromptError
    │   └── PromptChangedError
    ├── ToolError               whoever edits tools
    │   ├── UnknownToolError
    │   ├── UnknownServerError
    │   ├── ToolChangedError
    │   └── ServerChangedError
    ├── ApiKeyError             whoever hands out keys of the REST API
    │   ├── KeyTakenError
    │   └── UnknownKeyError
    ├── ConversationError       whoever asks for a conversation
    │   ├── UnknownConversationError
    │   └── AmbiguousConversationError
    └── SecretKeyError          the operator: bring back the key that secrets were stored with

`reason` is short and machine-readable, such as `store.disk_full`; the sentence is for the operator
and never holds what a caller said. On the path of a turn a `StoreError` becomes a `TurnError` that
carries the reason alone.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from dialogari.turn import Side, Status, TurnError

if TYPE_CHECKING:
    from dialogari.telephone import InvalidTelephoneError


class StoreError(Exception):
    """The store could not do what it was asked."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return self.message


class SetupError(StoreError):
    """The database can't be opened until the operator changes something."""


class DatabaseUrlError(SetupError):
    """DATABASE_URL names no database this version can open."""

    def __init__(self, message: str) -> None:
        super().__init__("store.url", message)


class DatabaseInUseError(SetupError):
    """Another process holds what only one may hold; `pid` is its number, 0 where it is not told."""

    def __init__(self, message: str, pid: int) -> None:
        super().__init__("store.in_use", message)
        self.pid = pid


class DatabaseTooNewError(SetupError):
    """A newer dialogari has changed the tables: to write them with older code would lose data."""

    def __init__(self, message: str) -> None:
        super().__init__("store.too_new", message)


class ForeignDatabaseError(SetupError):
    """The database belongs to another program."""

    def __init__(self, message: str) -> None:
        super().__init__("store.foreign", message)


class UnavailableError(StoreError):
    """The database can't be read or written now; another statement would fail the same way.

    Reasons: `store.locked`, `store.disk_full`, `store.read_only`, `store.damaged`,
    `store.unavailable` (it can't be opened, or the disk fails), `store.timeout`,
    `store.overloaded`, `store.closed`.
    """


class UnreachableError(UnavailableError):
    """No server answers where DATABASE_URL says."""

    def __init__(self, message: str) -> None:
        super().__init__("store.unavailable", message)


class RejectedError(StoreError):
    """The database refused this statement, and would take another."""

    def __init__(self, message: str) -> None:
        super().__init__("store.rejected", message)


class TurnClashError(StoreError):
    """The conversation has a turn of that number already."""

    def __init__(self) -> None:
        super().__init__(
            "conversation.concurrent_turn", "another process stored this turn's number first"
        )


class PromptError(StoreError):
    """A prompt can't be stored or found as asked."""


class PromptNameError(PromptError):
    """The name could not stand in a dialplan and in an address."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "prompt.name",
            f"{name!r} can't name a prompt: use 1 to 64 of letters, digits, '-', '_' and '.', "
            "the first a letter, a digit or '_'",
        )


class PromptTelephoneError(PromptError):
    """It offers its model what no call can do."""

    def __init__(self, error: InvalidTelephoneError) -> None:
        super().__init__("prompt.telephone", str(error))


class UnknownPromptError(PromptError):
    """No prompt has that name."""

    def __init__(self, name: str) -> None:
        super().__init__("prompt.unknown", f"there is no prompt named {name!r}")


class PromptChangedError(PromptError):
    """Another version is in force than the one that was to be replaced."""

    def __init__(self, name: str) -> None:
        super().__init__("prompt.changed", f"the prompt {name!r} has been changed meanwhile")


class ApiKeyError(StoreError):
    """A key of the REST API can't be made or found as asked."""


class KeyTakenError(ApiKeyError):
    """Another key has that name."""

    def __init__(self, name: str) -> None:
        super().__init__("key.taken", f"there is a key named {name!r} already; revoke it first")


class UnknownKeyError(ApiKeyError):
    """No key has that name."""

    def __init__(self, name: str) -> None:
        super().__init__("key.unknown", f"there is no key named {name!r}")


class ConversationError(StoreError):
    """A conversation can't be found as asked."""


class UnknownConversationError(ConversationError):
    """No conversation has that id."""

    def __init__(self) -> None:
        super().__init__("conversation.unknown", "there is no conversation of that id")


class AmbiguousConversationError(ConversationError):
    """Several Asterisk servers had a call of that id."""

    def __init__(self) -> None:
        super().__init__(
            "conversation.ambiguous", "conversations of several servers have that id: name one"
        )


class ToolError(StoreError):
    """A tool can't be stored or found as asked."""


class UnknownToolError(ToolError):
    """No tool has that name."""

    def __init__(self, name: str) -> None:
        super().__init__("tool.unknown", f"there is no tool named {name!r}")


class UnknownServerError(ToolError):
    """No MCP server has that name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "mcp.unknown", f"no MCP server is named {name!r}; `dialogari mcp list` shows them"
        )


class ToolChangedError(ToolError):
    """Another version is stored than the one that was to be replaced."""

    def __init__(self, name: str) -> None:
        super().__init__("tool.changed", f"the tool {name!r} has been changed meanwhile")


class ServerChangedError(ToolError):
    """Another version is stored than the one that was to be replaced."""

    def __init__(self, name: str) -> None:
        super().__init__("mcp.changed", f"the MCP server {name!r} has been changed meanwhile")


class SecretKeyError(StoreError):
    """Secrets can't be locked or opened with the keys at hand."""

    def __init__(self, message: str) -> None:
        super().__init__("store.secret_key", message)


_SQLITE = {
    sqlite3.SQLITE_BUSY: ("store.locked", "another program keeps the database locked"),
    sqlite3.SQLITE_LOCKED: ("store.locked", "another connection keeps the database locked"),
    sqlite3.SQLITE_FULL: ("store.disk_full", "the disk that holds the database is full"),
    sqlite3.SQLITE_READONLY: ("store.read_only", "the database may not be written by this user"),
    sqlite3.SQLITE_PERM: ("store.read_only", "the database may not be written by this user"),
    sqlite3.SQLITE_CORRUPT: ("store.damaged", "the database is damaged; restore a backup"),
    sqlite3.SQLITE_NOTADB: ("store.damaged", "the file is damaged, or is not a SQLite database"),
    sqlite3.SQLITE_CANTOPEN: (
        "store.unavailable",
        "the database can't be opened; check that its folder exists and its owner and permissions",
    ),
}
_POSTGRESQL = {
    "25006": ("store.read_only", "the database takes no writes: it is a standby or set read-only"),
    "3F000": ("store.read_only", "the user has no schema to make tables in: grant CREATE on one"),
    "40001": ("store.locked", "another transaction was in the way"),
    "40P01": ("store.locked", "two transactions were in each other's way"),
    "42501": ("store.read_only", "the user may not do this: grant it the schema and its tables"),
    "42703": ("store.unavailable", "a column is missing: somebody has changed the tables"),
    "42P01": ("store.unavailable", "a table is missing: somebody has changed the tables"),
    "53100": ("store.disk_full", "the disk that holds the database is full"),
    "53300": ("store.overloaded", "the server has no connection left: raise its max_connections"),
    "55P03": ("store.locked", "another transaction keeps a row locked"),
    "57014": ("store.timeout", "the server broke off a statement that took too long"),
    "XX001": ("store.damaged", "the database is damaged; restore a backup"),
    "XX002": ("store.damaged", "an index of the database is damaged; REINDEX it"),
}
_POSTGRESQL_FAILS = ("08", "53", "57", "58", "F0", "XX")
"""Classes of SQLSTATE by which the server says that it fails, whatever the statement."""


def explain(error: SQLAlchemyError) -> UnavailableError | RejectedError:
    """Return the store's error for one of SQLAlchemy's.

    SQLite's result codes: https://www.sqlite.org/rescode.html (the low byte is the primary code).
    PostgreSQL's: https://www.postgresql.org/docs/current/errcodes-appendix.html.
    """
    sqlite_code, sqlstate = _codes(error)
    if sqlite_code & 0xFF in _SQLITE:
        return UnavailableError(*_SQLITE[sqlite_code & 0xFF])
    if sqlstate is not None and (known := explain_sqlstate(sqlstate)):
        return known
    match error:
        case DBAPIError(connection_invalidated=True):
            found = UnavailableError("store.unavailable", "the connection to the database broke")
        case OperationalError():
            found = UnavailableError("store.unavailable", "the database fails")
        case PoolTimeoutError():
            found = UnavailableError("store.timeout", "the connections to the database are busy")
        case IntegrityError():
            found = RejectedError("the statement breaks a rule of the tables")
        case _:
            found = RejectedError(f"the database refused a statement ({type(error).__name__})")
    return found


def explain_sqlstate(sqlstate: str) -> UnavailableError | None:
    """Return what is wrong with a PostgreSQL server that answers so; None: with the statement."""
    if sqlstate in _POSTGRESQL:
        return UnavailableError(*_POSTGRESQL[sqlstate])
    if sqlstate.startswith(_POSTGRESQL_FAILS):
        return UnavailableError("store.unavailable", f"the database server fails ({sqlstate})")
    return None


def is_duplicate(error: IntegrityError) -> bool:
    """Return whether a statement failed because a row with its unique key exists."""
    return _codes(error) in {
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, None),
        (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, None),
        (0, "23505"),
    }


def _codes(error: SQLAlchemyError) -> tuple[int, str | None]:
    """Return SQLite's result code, 0 without, and PostgreSQL's SQLSTATE."""
    cause = getattr(error, "orig", None)
    return getattr(cause, "sqlite_errorcode", 0), getattr(cause, "sqlstate", None)


def turn_error(error: StoreError) -> TurnError:
    """Return what the turn's door is told of `error`."""
    status = Status.BUSY if isinstance(error, TurnClashError) else Status.ERROR
    return TurnError(status, error.reason, Side.SYSTEM)
