"""Locks between processes: one holder, who is named, and none when it is dead."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from dialogari.store.locks import FileLock, LockHeldError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return the file that the locks belong to."""
    path = tmp_path / "x.db"
    path.touch(0o640)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the lock file goes."""
    return tmp_path / "x.db.lock"


def test_a_held_lock_is_refused_by_the_number_of_its_holder(path: Path, database: Path) -> None:
    """Whoever is refused learns which process holds the lock."""
    with closing(FileLock(path, like=database)) as mine, mine.held(0):
        mine.sign()
        with (
            closing(FileLock(path, like=database)) as other,
            pytest.raises(LockHeldError) as refusal,
        ):
            other.acquire(0)

    assert refusal.value.pid == os.getpid()


@pytest.mark.parametrize("content", [b"", b"\n", b"garbage", b"\xff\x00"])
def test_an_unreadable_holder_has_no_number(content: bytes, path: Path, database: Path) -> None:
    """A lock file that says nothing sensible refuses as well."""
    path.write_bytes(content)
    with closing(FileLock(path, like=database)) as mine, mine.held(0):
        other = FileLock(path, like=database)
        with closing(other), pytest.raises(LockHeldError) as refusal:
            other.acquire(0)

    assert refusal.value.pid == 0


def test_waiting_ends_when_the_lock_is_free(path: Path, database: Path) -> None:
    """A lock given back in time is taken, long before the patience is over."""
    with (
        closing(FileLock(path, like=database)) as mine,
        closing(FileLock(path, like=database)) as other,
    ):
        mine.acquire(0)
        release = threading.Timer(0.05, mine.release)
        release.start()
        began = time.monotonic()
        other.acquire(5)
        waited = time.monotonic() - began
        release.join()

    assert 0.04 < waited < 2


def test_a_dead_process_holds_nothing(path: Path, database: Path) -> None:
    """The kernel gives the lock back, even of a process that ended without a word."""
    program = (
        "import os, sys, pathlib\n"
        "from dialogari.store.locks import FileLock\n"
        "lock = FileLock(pathlib.Path(sys.argv[1]), like=pathlib.Path(sys.argv[2]))\n"
        "lock.acquire(0)\n"
        "lock.sign()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, path, database], check=False, timeout=30)  # noqa: S603 - our own program

    with closing(FileLock(path, like=database)) as mine:
        mine.acquire(0)

    assert done.returncode == -9


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of another user")
def test_root_leaves_a_lock_that_the_owner_can_open(path: Path, database: Path) -> None:
    """The lock belongs to whom the database belongs, not to the terminal that made it."""
    os.chown(database, 65534, 65534)

    FileLock(path, like=database).close()

    made = path.stat()
    assert (made.st_uid, made.st_gid, made.st_mode & 0o777) == (65534, 65534, 0o640)
