"""Disk, database and local model, each wrong once: full and read-only disks are real ones."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from dialogari.doctor.findings import Verdict
from dialogari.doctor.storage import check_database, check_local_model
from dialogari.store.database import open_database

if TYPE_CHECKING:
    from pathlib import Path

    from dialogari.config import Settings
    from postgresql_server import PostgresqlServer


@pytest.fixture
def file(settings: Settings) -> Path:
    """Where the database of the settings will be."""
    return settings.dialogari_state_dir / "dialogari.db"


def verdict(settings: Settings) -> tuple[str, Verdict]:
    """Check the database alone."""
    finding = asyncio.run(check_database(settings, bridge_runs=False))
    return finding.name, finding.verdict


def make_database(settings: Settings) -> None:
    """Make the database as a first start does."""

    async def work() -> None:
        async with open_database(settings.store_url):
            pass

    asyncio.run(work())


def test_no_database_is_made(settings: Settings, file: Path) -> None:
    """A database that is not there yet is well, and still not there afterwards."""
    assert verdict(settings) == ("database", Verdict.OK)
    assert not file.exists()


async def test_a_database_in_use(settings: Settings) -> None:
    """A process holds it as its bridge, but no bridge answers on WEB_PORT."""
    async with open_database(settings.store_url, exclusive=True):
        held = await check_database(settings, bridge_runs=False)
        ours = await check_database(settings, bridge_runs=True)
    after = await check_database(settings, bridge_runs=False)

    assert (held.name, held.verdict) == ("database.held", Verdict.WARN)
    assert str(os.getpid()) in held.text
    assert ours.verdict is after.verdict is Verdict.OK


def test_a_database_from_the_future(settings: Settings, file: Path) -> None:
    """A revision that this version does not know; the file is left as it is."""
    make_database(settings)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'r9999'")
    connection.close()

    assert verdict(settings) == ("database.too_new", Verdict.FAIL)


def test_a_database_of_the_past(settings: Settings, file: Path) -> None:
    """One that the next start will upgrade is not upgraded now."""
    file.touch()

    assert verdict(settings) == ("database", Verdict.OK)
    assert file.stat().st_size == 0


def test_what_is_no_database_of_ours(settings: Settings, file: Path) -> None:
    """Another program's tables, and a file that is no database."""
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE invoices (id INTEGER)")
    connection.close()
    foreign = verdict(settings)
    file.write_bytes(b"no database at all, but long enough to be taken for one" * 20)
    damaged = verdict(settings)

    assert foreign == ("database.foreign", Verdict.FAIL)
    assert damaged == ("database.damaged", Verdict.FAIL)


async def test_an_address_that_names_no_database(settings: Settings) -> None:
    """DATABASE_URL of a kind that this version can't open."""
    changed = settings.model_copy(update={"database_url": "mysql://root:hidden@db/x"})
    finding = await check_database(changed, bridge_runs=False)

    assert (finding.name, finding.verdict) == ("database.url", Verdict.FAIL)
    assert "hidden" not in str(finding)


def test_a_database_that_is_locked(settings: Settings, file: Path) -> None:
    """Another program keeps it locked for longer than writers wait."""
    make_database(settings)
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        assert verdict(settings) == ("database.locked", Verdict.FAIL)
    finally:
        connection.close()


def test_the_local_model(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not fetched, named wrongly, a file of one's own, and without the packages that run it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF and more")

    def named(name: str | None) -> str:
        changed = settings.model_copy(update={"dialogari_local_model": name})
        return check_local_model(changed).name

    assert [named(None), named("gpt-9"), named(str(own))] == [
        "local_model.not_fetched",
        "local_model.unknown",
        "local_model",
    ]
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    assert named(None) == "local_model.not_installed"


def run_on_a_disk(
    settings: Settings, place: Path, mebibytes: int, then: str = "true"
) -> dict[str, Any]:
    """Run `dialogari doctor --json` with its state on a file system of that size."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "true"], check=False).returncode:  # noqa: S603 - our own words
        pytest.skip("NOT TESTED ON A FULL DISK: this machine does not let us mount one (unshare)")
    place.mkdir()
    script = (
        f'mount -t tmpfs -o size={mebibytes}m tmpfs "$0" && {then} && '
        'exec "$1" -m dialogari doctor --json --asterisk-config "$0"'
    )
    ended = subprocess.run(  # noqa: S603 - our own words
        [unshare, "-rm", "sh", "-c", script, str(place), sys.executable],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(place),
            "XDG_CACHE_HOME": str(place),
            "DIALOGARI_STATE_DIR": str(place / "state"),
            "DEFAULT_AI_MODEL": "local",
            "ASTERISK_ARI_URL": settings.asterisk_ari_url,
        },
        cwd=place.parent,
        capture_output=True,
        timeout=40,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr.decode()
    findings = json.loads(ended.stdout)["findings"]
    return {finding["name"]: finding["verdict"] for finding in findings}


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A folder to mount a disk on."""
    return tmp_path / "disk"


def test_a_full_disk(settings: Settings, disk: Path) -> None:
    """A disk of a few MiB: nothing can be kept there, least of all a model."""
    found = run_on_a_disk(settings, disk, 4)

    assert (found["disk.full"], found["local_model.no_room"]) == ("fail", "fail")


def test_a_tight_disk(settings: Settings, disk: Path) -> None:
    """A disk of a few hundred MiB is told before it is full."""
    assert run_on_a_disk(settings, disk, 200)["disk.tight"] == "warn"


def test_a_disk_that_may_not_be_written(settings: Settings, disk: Path) -> None:
    """A read-only disk: no database can be made there."""
    found = run_on_a_disk(settings, disk, 2000, 'mount -o remount,ro "$0"')

    assert found["database.read_only"] == "fail"


async def test_an_empty_postgresql(settings: Settings, postgresql: PostgresqlServer) -> None:
    """A server whose database has no tables yet is well, and has none afterwards."""
    name = f"doctor_{secrets.token_hex(4)}"
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    await asyncio.to_thread(postgresql.execute, f"CREATE DATABASE {name}")
    try:
        there = settings.model_copy(update={"database_url": postgresql.url(name)})
        finding = await check_database(there, bridge_runs=False)
        made = await asyncio.to_thread(postgresql.query, tables, name)
    finally:
        await asyncio.to_thread(postgresql.execute, f"DROP DATABASE {name} WITH (FORCE)")

    assert (finding.name, finding.verdict) == ("database", Verdict.OK)
    assert tuple(made[0]) == (0,)
