"""One connection to the PostgreSQL server that DATABASE_URL names, and what is wrong where not.

asyncpg reads the address as libpq does: several hosts, sockets, `sslmode` and the rest, a password
in a file. What we say of it never has the password, nor a part of it that stands in a wrong place.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

import asyncpg

from dialogari.store.errors import (
    DatabaseUrlError,
    StoreError,
    UnavailableError,
    UnreachableError,
    explain_sqlstate,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONNECT_SECONDS = 4.0
_FORM = (
    "DATABASE_URL can't be read: write postgresql://USER:PASSWORD@HOST:PORT/NAME, and in the "
    "password %40 for @, %2F for /, %3A for :, %23 for #, %3F for ?, %25 for %"
)


@dataclass(frozen=True, slots=True)
class Server:
    """Where the database is."""

    url: str = field(repr=False)
    place: str
    """HOST:PORT, for people."""
    name: str
    """The database's, for people."""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read DATABASE_URL.

        Raises:
            DatabaseUrlError: a character of its password has split it in the wrong place.
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            raise DatabaseUrlError(_FORM) from None
        if url.count("@") > 1 or url.count("@") != parts.netloc.count("@") or parts.fragment:
            raise DatabaseUrlError(_FORM)
        place = unquote(parts.netloc.rpartition("@")[2])
        return cls(url, place or "the local socket", unquote(parts.path.removeprefix("/")))


async def connect(server: Server, settings: Mapping[str, str]) -> asyncpg.Connection:
    """Return a new connection with these settings of the server.

    Raises:
        DatabaseUrlError: the server does not know this user, password or database.
        UnreachableError: nothing answers there.
        UnavailableError: the server takes no connection now.
    """
    try:
        return await asyncpg.connect(
            server.url,
            timeout=_CONNECT_SECONDS,
            server_settings={"application_name": "dialogari", **settings},
        )
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        # The cause is left out: it may quote the address.
        raise _explain(error, server) from None


def _explain(error: Exception, server: Server) -> StoreError:
    match error:
        case asyncpg.PostgresError():
            return _explain_answer(error, server)
        case OSError():
            return UnreachableError(
                f"DATABASE_URL: no PostgreSQL answers at {server.place} ({_why(error)}); "
                "start it, or mend host and port"
            )
        case asyncpg.InterfaceError() if not isinstance(error, ValueError):
            return UnavailableError("store.unavailable", "the connection to the database broke")
        case _:
            return DatabaseUrlError(_FORM)


def _explain_answer(error: asyncpg.PostgresError, server: Server) -> StoreError:
    match error:
        case asyncpg.InvalidAuthorizationSpecificationError():
            return DatabaseUrlError(
                f"DATABASE_URL: the server at {server.place} refuses this user or password"
            )
        case asyncpg.InvalidCatalogNameError():
            return DatabaseUrlError(
                f"DATABASE_URL: the server at {server.place} has no database "
                f"{server.name!r}; create it, or name another"
            )
        case asyncpg.ProtocolViolationError():
            return DatabaseUrlError(
                f"DATABASE_URL: {server.place} refuses our options; in a pgbouncer set pool_mode = "
                "session and ignore_startup_parameters = statement_timeout, "
                "idle_in_transaction_session_timeout, default_transaction_read_only"
            )
        case _:
            return explain_sqlstate(error.sqlstate) or DatabaseUrlError(
                f"DATABASE_URL: the server at {server.place} refuses its options ({error.sqlstate})"
            )


def _why(error: OSError) -> str:
    match error:
        case TimeoutError():
            return "no answer in time"
        case socket.gaierror():
            return "no such host"
        case ConnectionRefusedError():
            return "connection refused"
        case _:
            return error.strerror or "connection failed"
