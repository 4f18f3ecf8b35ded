"""What a wrong DATABASE_URL is answered with, and that its password is never repeated."""

from __future__ import annotations

import logging
import socket
import traceback
from urllib.parse import quote

import pytest

from dialogari.store.database import open_database
from dialogari.store.errors import DatabaseUrlError, UnavailableError
from dialogari.store.postgresql_connect import Server
from dialogari.store.store import open_store
from postgresql_server import PASSWORD, PostgresqlServer
from store.behind import Behind, PostgresqlBehind
from store.turn_records import CALL, turn


@pytest.fixture
def behind(postgresql_behind: PostgresqlBehind) -> Behind:
    """Run each test on PostgreSQL alone."""
    return postgresql_behind


@pytest.mark.parametrize(
    ("url", "place", "name"),
    [
        ("postgresql://u:p@db.lan:5433/calls", "db.lan:5433", "calls"),
        ("postgres://u:p@db.lan/calls", "db.lan", "calls"),
        ("postgresql://u:p%40%2F@[::1]:5432/calls?sslmode=require", "[::1]:5432", "calls"),
        ("postgresql://a:1,b:2/calls?target_session_attrs=read-write", "a:1,b:2", "calls"),
        ("postgresql:///calls", "the local socket", "calls"),
    ],
)
def test_an_address_is_named_without_its_secret(url: str, place: str, name: str) -> None:
    """What is said of an address is its host and database."""
    server = Server.parse(url)

    assert (server.place, server.name) == (place, name)
    assert "p@" not in repr(server)
    assert "p%40" not in repr(server)


@pytest.mark.parametrize("sign", list("@/#?[]"))
def test_a_sign_in_the_password_that_splits_the_address_is_named(sign: str) -> None:
    """No part of the password is taken for a host, a port or a name, and shown as such."""
    with pytest.raises(DatabaseUrlError, match="in the password %40 for @"):
        Server.parse(f"postgresql://u:1{sign}2@host/db")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:[secret@host/db",
        "postgresql://u:secret@host:port/db",
        "postgresql://u:secret@host/db?sslmode=secret",
        "postgresql://u:secret@host/db?secret",
        "postgresql+asyncpg://u:secret@host/db",
        "postgresql:secret",
        "mysql://u:secret@host/db",
    ],
)
async def test_an_address_that_cannot_be_read_is_not_repeated(url: str) -> None:
    """The setting is named and its form shown; nothing that stood in it is."""
    with pytest.raises(DatabaseUrlError, match=r"^DATABASE_URL") as refusal:
        async with open_database(url):
            pass

    shown = "".join(traceback.format_exception(refusal.value))
    assert "secret" not in str(refusal.value)
    assert "secret" not in shown.replace(repr(url), "")
    assert "\n" not in str(refusal.value)


async def refusal_of(url: str) -> str:
    """Return what the start says of an address, having looked for the password in it."""
    with pytest.raises(DatabaseUrlError) as refusal:
        async with open_store(url, exclusive=True):
            pass
    shown = "".join(traceback.format_exception(refusal.value))
    assert PASSWORD not in shown
    assert quote(PASSWORD, safe="") not in shown
    assert refusal.value.reason == "store.url"
    return str(refusal.value)


async def test_a_wrong_password_user_or_database_is_told(postgresql: PostgresqlServer) -> None:
    """Each is one line that names the setting, the server, and what to change."""
    url = postgresql.url("nowhere")
    at = f"DATABASE_URL: the server at 127.0.0.1:{postgresql.port}"

    assert await refusal_of(url) == f"{at} has no database 'nowhere'; create it, or name another"
    for wrong in (url.replace("%25", "x"), url.replace("dialogari", "nobody")):
        assert await refusal_of(wrong) == f"{at} refuses this user or password"
    assert "refuses its options" in await refusal_of(f"{postgresql.url()}?nonsense=1")
    assert "no PostgreSQL answers" in await refusal_of(f"{postgresql.url()}?sslmode=require")


async def test_a_database_of_another_encoding_is_told(
    postgresql_behind: PostgresqlBehind,
) -> None:
    """One that could not hold what a caller says is refused before the first call."""
    name = f"{postgresql_behind.name}_latin"
    postgresql_behind.execute(
        f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0"
        " LOCALE 'C' LOCALE_PROVIDER libc"
    )

    refusal = await refusal_of(postgresql_behind.server.url(name))

    assert refusal.startswith("DATABASE_URL: the database is in LATIN1")


async def test_a_wrong_host_is_told(postgresql: PostgresqlServer) -> None:
    """No such name, nothing that listens, something that never answers: each in its own words."""
    url = postgresql.url()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        refused = await refusal_of(postgresql.url(port=port))
        silent.listen()
        unanswered = await refusal_of(postgresql.url(port=port))
    unknown = await refusal_of(url.replace("127.0.0.1", "db.invalid"))

    start = f"DATABASE_URL: no PostgreSQL answers at 127.0.0.1:{port}"
    assert refused.startswith(f"{start} (connection refused); start it")
    assert unanswered.startswith(f"{start} (no answer in time)")
    assert f"at db.invalid:{postgresql.port} (no such host)" in unknown


async def test_no_log_line_has_the_password(
    behind: Behind, postgresql: PostgresqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Not at DEBUG, not while it works, not when the server goes, nor is it in what is shown."""
    caplog.set_level(logging.DEBUG)
    async with open_store(behind.url) as store:
        await store.history.append(turn(1))
        shown = repr(store) + repr(vars(store.database))
        postgresql.stop()
        try:
            with pytest.raises(UnavailableError) as failure:
                await store.database.check()
            with pytest.raises(UnavailableError):
                await store.database.read(lambda reader: reader.exec_driver_sql("SELECT 1"))
        finally:
            postgresql.start()
        await store.history.load(CALL)

    shown += caplog.text + "".join(traceback.format_exception(failure.value))
    assert PASSWORD not in shown
    assert quote(PASSWORD, safe="") not in shown
