"""The database from the command line: upgrade and check, wrong settings, and who may share it."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from dialogari.store.tables import REVISION
from processes import run
from store.behind import Behind, PostgresqlBehind, SqliteBehind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from pathlib import Path

    from postgresql_server import PostgresqlServer

SERVE = {
    "OPENAI_API_KEY": "k",
    # Nothing listens there: a bridge tries again for as long as it lives.
    "ASTERISK_ARI_URL": "http://127.0.0.1:9/ari",
    "ASTERISK_ARI_USERNAME": "u",
    "ASTERISK_ARI_PASSWORD": "p",
    "WEB_PORT": "0",
}
GOOD = f"reachable: yes\nrevision: {REVISION}\nwritable: yes\n"


@pytest.fixture
def on_postgresql(postgresql: PostgresqlServer) -> Generator[PostgresqlBehind]:
    """Make an empty database on the server."""
    name = f"cli_{secrets.token_hex(6)}"
    postgresql.execute(f"CREATE DATABASE {name}")
    yield PostgresqlBehind(postgresql, name)
    postgresql.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def behind(request: pytest.FixtureRequest, tmp_path: Path) -> Behind:
    """Return an empty database of each kind in turn."""
    if request.param == "sqlite":
        return SqliteBehind(tmp_path / "dialogari.db")
    found: Behind = request.getfixturevalue("on_postgresql")
    return found


@asynccontextmanager
async def bridge(folder: Path, url: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run `dialogari serve` for the length of the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dialogari", "serve"),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "DATABASE_URL": url, **SERVE},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def wait_for_bridges(behind: Behind, wanted: int) -> None:
    """Wait until so many bridges work on the database."""
    async with asyncio.timeout(30):
        while True:
            if isinstance(behind, SqliteBehind):
                lock = behind.path.with_name(behind.path.name + ".lock")
                found = int(lock.exists() and bool(lock.read_text()))
            else:
                (row,) = behind.query(
                    "SELECT count(DISTINCT client_port) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name = 'dialogari'"
                )
                found = int(str(row[0]))
            if found >= wanted:
                return
            await asyncio.sleep(0.1)


async def test_upgrade_then_check(tmp_path: Path, behind: Behind) -> None:
    """An empty database is made ready, and says so in three lines, also beside a bridge."""
    before = await run(tmp_path, "db", "check", DATABASE_URL=behind.url)
    upgraded = await run(tmp_path, "db", "upgrade", DATABASE_URL=behind.url)
    again = await run(tmp_path, "db", "upgrade", DATABASE_URL=behind.url)
    after = await run(tmp_path, "db", "check", DATABASE_URL=behind.url)
    async with bridge(tmp_path, behind.url):
        await wait_for_bridges(behind, 1)
        beside = await run(tmp_path, "db", "check", DATABASE_URL=behind.url)

    assert before.code == 1
    assert (
        "run `dialogari db upgrade`" in before.out or "`dialogari db upgrade` makes" in before.out
    )
    assert [line.partition(":")[0] for line in before.out.splitlines()] == [
        "reachable",
        "revision",
        "writable",
    ]
    assert (upgraded.code, upgraded.out) == (0, f"revision: {REVISION}\n")
    assert (again.code, again.out) == (0, f"revision: {REVISION}\n")
    assert (after.code, after.out, after.err) == (0, GOOD, "")
    assert (beside.code, beside.out) == (0, GOOD)


async def test_check_changes_nothing(tmp_path: Path, behind: Behind) -> None:
    """A check of what is not there yet makes no file and no table."""
    await run(tmp_path, "db", "check", DATABASE_URL=behind.url)

    if isinstance(behind, SqliteBehind):
        assert not behind.path.exists()
    else:
        assert behind.tables() == set()


async def test_check_names_what_is_wrong(tmp_path: Path, behind: Behind) -> None:
    """A database of a newer version, and one that takes no writes, each with its remedy."""
    await run(tmp_path, "db", "upgrade", DATABASE_URL=behind.url)
    behind.execute("DROP TABLE heartbeat")
    unwritable = await run(tmp_path, "db", "check", DATABASE_URL=behind.url)
    behind.execute("UPDATE alembic_version SET version_num = '9999'")
    newer = await run(tmp_path, "db", "check", DATABASE_URL=behind.url)
    refused = await run(tmp_path, "db", "upgrade", DATABASE_URL=behind.url)

    assert unwritable.code == 1
    assert "\nwritable: FAIL " in unwritable.out
    assert newer.code == 1
    assert "\nrevision: FAIL the database was changed by a newer dialogari" in newer.out
    assert (refused.code, refused.out) == (2, "")
    assert "install that version or a newer one" in refused.err


async def test_a_second_bridge_on_sqlite_is_refused(tmp_path: Path) -> None:
    """It ends with exit 2, the reason, the number of the first, and what to do; the first stays."""
    behind = SqliteBehind(tmp_path / "dialogari.db")
    async with bridge(tmp_path, behind.url) as first:
        await wait_for_bridges(behind, 1)
        second = await run(tmp_path, "serve", DATABASE_URL=behind.url, **SERVE)

        assert first.returncode is None

    assert (second.code, second.out) == (2, "")
    assert f"is in use by another bridge (process {first.pid}); stop that one" in second.err
    assert "Traceback" not in second.err


async def test_two_bridges_share_postgresql(
    tmp_path: Path, on_postgresql: PostgresqlBehind
) -> None:
    """Both start at once on an empty database, upgrade it once, and stay."""
    url = on_postgresql.url
    async with bridge(tmp_path, url) as first, bridge(tmp_path, url) as second:
        await wait_for_bridges(on_postgresql, 3)
        checked = await run(tmp_path, "db", "check", DATABASE_URL=url)

        assert (first.returncode, second.returncode) == (None, None)

    assert (checked.code, checked.out) == (0, GOOD)


async def test_a_wrong_postgresql_address(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    """Wrong host, password or database: exit 2 and one line that names DATABASE_URL."""
    url = postgresql.url("nowhere")
    wrong = {
        url: "has no database 'nowhere'",
        postgresql.url().replace("%25", "x"): "refuses this user or password",
        postgresql.url(port=9): "no PostgreSQL answers at 127.0.0.1:9",
        "postgresql://u:p@ss@127.0.0.1/x": "in the password %40 for @",
    }
    for address, names in wrong.items():
        ended = await run(tmp_path, "prompt", "list", DATABASE_URL=address)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("DATABASE_URL")
        assert ended.err.count("\n") == 1
        assert names in ended.err

    checked = await run(tmp_path, "db", "check", DATABASE_URL=url)
    assert checked.code == 1
    assert checked.out.startswith("reachable: FAIL DATABASE_URL: ")
