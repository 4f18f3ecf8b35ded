"""The migrations: from nothing, again, too new, foreign, interrupted, and beside a bridge."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from dialogari.store import migrations, schema
from dialogari.store.database import open_database
from dialogari.store.errors import (
    DatabaseTooNewError,
    ForeignDatabaseError,
    UnavailableError,
)
from dialogari.store.store import open_store
from dialogari.store.tables import REVISION, metadata
from dialogari.turn import Prompt

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from store.behind import Behind


async def test_an_empty_file_gets_all_tables_and_the_default_prompt(url: str) -> None:
    """The migrations make exactly the tables that the code defines, and seed `default`."""
    async with open_store(url) as store:
        prompt = await store.prompts.find_prompt("default")
        differences = await store.database.read(
            lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)
        )

    assert prompt is not None
    assert prompt.version == 1
    assert differences == []


def test_the_revision_is_the_newest_migration() -> None:
    """REVISION, which spares most starts from importing Alembic, names the newest migration."""
    assert ScriptDirectory.from_config(migrations.configuration()).get_heads() == [REVISION]


async def test_reopening_keeps_everything(url: str, behind: Behind) -> None:
    """A second start finds what the first one stored and migrates nothing."""
    async with open_store(url) as store:
        await store.prompts.set_prompt(Prompt("default", "Mine."))

    async with open_store(url) as store:
        prompt = await store.prompts.find_prompt("default")

    assert prompt is not None
    assert (prompt.content, prompt.version) == ("Mine.", 2)
    assert behind.query("SELECT version_num FROM alembic_version") == [(REVISION,)]


async def test_an_existing_database_opens_without_alembic(url: str) -> None:
    """A terminal command on an existing database does not pay for importing Alembic."""
    async with open_database(url):
        pass
    program = (
        "import asyncio, sys\n"
        "from dialogari.store.store import open_store\n"
        "async def main():\n"
        "    async with open_store(sys.argv[1]) as store:\n"
        "        await store.prompts.find_prompt('default')\n"
        "asyncio.run(main())\n"
        "assert 'alembic' not in sys.modules\n"
    )

    done = subprocess.run([sys.executable, "-c", program, url], check=False, timeout=30)  # noqa: S603, ASYNC221 - our own program; nothing else runs in this loop

    assert done.returncode == 0


async def test_a_newer_database_is_refused(url: str, behind: Behind) -> None:
    """Tables changed by a newer dialogari are not touched, and the operator is told so."""
    async with open_database(url):
        pass
    behind.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(DatabaseTooNewError, match=r"newer dialogari \(revision 9999"):
        async with open_database(url):
            pass


async def test_a_foreign_database_is_refused(url: str, behind: Behind) -> None:
    """A file with another program's tables is left alone."""
    behind.execute("CREATE TABLE voicemail (id INTEGER)")

    with pytest.raises(ForeignDatabaseError, match="voicemail"):
        async with open_database(url, exclusive=True):
            pass

    assert behind.tables() == {"voicemail"}


async def test_an_interrupted_upgrade_leaves_nothing_behind(
    url: str, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of an upgrade is stored or none, so that the next start can do it again."""
    run = migrations.run

    def fail_at_the_end(connection: Connection) -> None:
        run(connection)
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "run", fail_at_the_end)
        with pytest.raises(UnavailableError):
            async with open_database(url):
                pass
    assert behind.tables() == set()

    async with open_store(url) as store:
        assert await store.prompts.find_prompt("default") is not None


async def test_many_first_starts_at_once_all_succeed(url: str) -> None:
    """Whoever comes second waits for the upgrade and then uses it."""

    async def start(*, exclusive: bool) -> int:
        async with open_store(url, exclusive=exclusive) as store:
            return len(await store.prompts.list_prompts())

    async with asyncio.TaskGroup() as starts:
        tasks = [starts.create_task(start(exclusive=number == 3)) for number in range(8)]

    assert [task.result() for task in tasks] == [1] * 8


async def test_a_database_without_a_revision_is_upgraded(url: str, behind: Behind) -> None:
    """An empty version table, as an upgrade broken off by hand leaves it, counts as empty."""
    behind.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")

    async with open_database(url) as database:
        assert await database.read(schema.needs_upgrade) is False
