"""The file: its address, its rights, its locks between processes, and what damages do."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from dialogari.store import sqlite
from dialogari.store.database import open_database
from dialogari.store.errors import DatabaseInUseError, DatabaseUrlError, UnavailableError
from dialogari.store.locks import FileLock
from dialogari.store.sqlite import database_path
from dialogari.store.store import Store, open_store
from dialogari.turn import Prompt, TurnError
from store.behind import Behind, SqliteBehind
from store.turn_records import CALL, turn

if TYPE_CHECKING:
    from collections.abc import Generator

    from sqlalchemy import Connection


@pytest.fixture
def behind(sqlite_behind: SqliteBehind) -> Behind:
    """Run each test on SQLite alone."""
    return sqlite_behind


_HOLDER = """
import asyncio, sys
from dialogari.store.store import open_store
async def main():
    async with open_store(sys.argv[1], exclusive=True):
        print("open", flush=True)
        sys.stdin.read()
asyncio.run(main())
"""


@contextmanager
def another_bridge(url: str) -> Generator[subprocess.Popen[str]]:
    """Run a process that holds the database as a bridge does."""
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", _HOLDER, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////var/lib/dialogari/dialogari.db", "/var/lib/dialogari/dialogari.db"),
        ("sqlite:///data/x.db", f"{Path.cwd()}/data/x.db"),
        ("sqlite:////srv/with space/ñ%20.db", "/srv/with space/ñ%20.db"),
    ],
)
def test_the_address_names_a_file(url: str, path: str) -> None:
    """`sqlite:///PATH` is taken without a driver's name, the path as it is written."""
    assert str(database_path(url)) == path


@pytest.mark.parametrize(
    "url",
    [
        "",
        "dialogari.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://host/x.db",
        "sqlite+aiosqlite:///x.db",
        "sqlite:////a/b.db?mode=ro",
        "postgresql://user:secret@host/db",
        "mysql://user:secret@host:wrong/db",
    ],
)
def test_other_addresses_are_refused_without_their_secrets(url: str) -> None:
    """A wrong DATABASE_URL is named as the setting to mend; a password in it is not repeated."""
    with pytest.raises(DatabaseUrlError, match="DATABASE_URL must") as refusal:
        database_path(url)

    assert "secret" not in str(refusal.value)


async def test_only_the_owner_reads_the_files(store: Store, database_file: Path) -> None:
    """The database and all files beside it are closed to other users."""
    await store.history.append(turn(1))

    modes = {
        file.name: stat.S_IMODE(file.stat().st_mode) for file in database_file.parent.iterdir()
    }

    assert len(modes) == 5
    assert set(modes.values()) == {0o600}


async def test_a_second_bridge_is_refused_by_the_number_of_the_first(url: str) -> None:
    """Two bridges on one file: the second one learns which process is in its way."""
    with another_bridge(url) as first:
        with pytest.raises(DatabaseInUseError, match=f"process {first.pid}") as refusal:
            async with open_store(url, exclusive=True):
                pass

        assert refusal.value.pid == first.pid


async def test_a_killed_bridge_does_not_hold_the_file(url: str) -> None:
    """The claim dies with the process that had it, however it died."""
    with another_bridge(url) as first:
        first.kill()
        first.wait(5)

        async with open_store(url, exclusive=True) as store:
            await store.database.check()


async def test_terminal_commands_work_beside_a_running_bridge(store: Store, url: str) -> None:
    """`prompt set` and `ask` from another opening count for the bridge's next turn."""
    await store.history.append(turn(1))

    async with open_store(url) as beside:
        await beside.prompts.set_prompt(Prompt("reception", "Be kind."))
        await beside.history.append(turn(2))

    prompt = await store.prompts.find_prompt("reception")
    assert prompt is not None
    assert prompt.content == "Be kind."
    assert (await store.history.load(CALL)).turns == 2


async def test_processes_that_write_at_once_wait_for_each_other(url: str) -> None:
    """Four openings that write at the same time all get through, none is told "locked"."""

    async def edit(name: str) -> None:
        async with open_store(url) as beside:
            for _ in range(25):
                await beside.prompts.set_prompt(Prompt("shared", name))

    async with asyncio.TaskGroup() as editors:
        for name in "abcd":
            editors.create_task(edit(name))

    async with open_store(url) as store:
        assert len(await store.prompts.list_versions("shared")) == 100


async def test_nobody_commits_while_another_process_does(
    url: str, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers exclude each other for the whole transaction, by a lock of our own."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    async with open_store(url) as store:
        other = FileLock(database_file.with_name("dialogari.db.write-lock"), like=database_file)
        other.acquire(0)
        with pytest.raises(UnavailableError) as failure:
            await store.database.check()
        other.close()
        await store.database.check()

    assert failure.value.reason == "store.locked"


def damage(database_file: Path, start: int) -> bytes:
    """Overwrite all from `start` on; return what the file holds then."""
    damaged = database_file.read_bytes()[:start] + b"garbage " * 2000
    database_file.write_bytes(damaged)
    return damaged


@pytest.mark.parametrize("start", [0, 100], ids=["no header", "header, then garbage"])
async def test_a_damaged_file_is_told_at_the_start(
    start: int, url: str, database_file: Path
) -> None:
    """A file that is no database stops the start with the word for it, and is not touched."""
    async with open_database(url):
        pass
    damaged = damage(database_file, start)

    with pytest.raises(UnavailableError, match="damaged") as failure:
        async with open_database(url, exclusive=True):
            pass

    assert failure.value.reason == "store.damaged"
    assert await asyncio.to_thread(database_file.read_bytes) == damaged


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The start fails with the path that is in the way."""
    (tmp_path / "file").touch()

    with pytest.raises(UnavailableError, match="file"):
        async with open_database(f"sqlite:///{tmp_path}/file/dialogari.db"):
            pass


@contextmanager
def as_an_ordinary_user() -> Generator[None]:
    """Be somebody whom file modes bind, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def make_read_only(file: Path, folder_mode: int) -> None:
    """Leave the database alone in its folder, and take the right to write it."""
    for beside in file.parent.glob("*.*lock"):
        beside.unlink()
    file.chmod(0o444)
    file.parent.chmod(folder_mode)


@pytest.mark.parametrize(
    ("folder_mode", "reason"), [(0o777, "store.read_only"), (0o555, "store.unavailable")]
)
async def test_files_without_write_permission_are_named(folder_mode: int, reason: str) -> None:
    """A user who may only read is told so, by the start or by the first turn."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "dialogari.db"
        async with open_store(f"sqlite:///{file}"):
            pass
        make_read_only(file, folder_mode)

        with (
            as_an_ordinary_user(),
            pytest.raises((TurnError, UnavailableError)) as failure,
        ):
            async with open_store(f"sqlite:///{file}") as store:
                await store.history.append(turn(1))

    assert failure.value.reason == reason


async def test_another_program_that_keeps_the_lock_is_named_as_such(
    url: str, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock held too long by somebody's SQL shell fails the write as `store.locked`."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    async with open_store(url) as store:
        held, release = threading.Event(), threading.Event()

        def hold() -> None:
            with closing(sqlite3.connect(database_file, isolation_level=None)) as shell:
                shell.execute("BEGIN IMMEDIATE")
                held.set()
                release.wait(5)

        holding = asyncio.ensure_future(asyncio.to_thread(hold))
        await asyncio.to_thread(held.wait, 5)
        with pytest.raises(UnavailableError) as failure:
            await store.database.check()
        release.set()
        await holding
        await store.database.check()

    assert failure.value.reason == "store.locked"


async def test_a_transaction_is_the_only_one_from_its_beginning(
    store: Store, database_file: Path
) -> None:
    """A writer has the file's lock before its first statement, so that it never fails midway."""

    def try_to_write(_: Connection) -> None:
        with closing(sqlite3.connect(database_file, timeout=0)) as shell:
            shell.execute("BEGIN IMMEDIATE")

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        await store.database.write(try_to_write)
