"""Locks between processes, as files beside the database that the kernel frees when a holder dies.

`PATH.lock` is held by the bridge as long as it runs, with its process number inside: one bridge per
SQLite file. `PATH.write-lock` is held by whoever writes, for one transaction: terminal commands
write beside a running bridge, and SQLite from 3.7.0 to 3.51.2 can damage a database when one
connection commits while another copies the log back (https://www.sqlite.org/wal.html#walresetbug;
Debian 12 has 3.40). Such copying only happens inside a write, so it is never alone with a commit.

The calls here block; they belong into a thread.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_POLL_SECONDS = 0.002


class LockHeldError(Exception):
    """Another process holds the lock; `pid` is what it wrote into the file, 0 where it did not."""

    def __init__(self, pid: int) -> None:
        super().__init__(pid)
        self.pid = pid


class FileLock:
    """One lock file, open until `close`, held between `acquire` and `release`."""

    def __init__(self, path: Path, *, like: Path) -> None:
        """Open or create `path`, for whoever may open the database file `like`.

        Root's terminal would otherwise leave a lock that the bridge's own user can't open.

        Raises:
            OSError: the file can't be opened for writing.
        """
        wanted = like.stat()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, wanted.st_mode & 0o666 | 0o600)
        if os.geteuid() == 0:
            os.fchown(self._file, wanted.st_uid, wanted.st_gid)

    def acquire(self, seconds: float) -> None:
        """Take the lock, waiting at most `seconds`.

        Raises:
            LockHeldError: another process, or another lock object of this one, still holds it.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise LockHeldError(self._read_pid()) from None
                time.sleep(_POLL_SECONDS)
            else:
                return

    def release(self) -> None:
        """Give the lock back."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    @contextmanager
    def held(self, seconds: float) -> Generator[None]:
        """Hold the lock for the block; raises as `acquire` does."""
        self.acquire(seconds)
        try:
            yield
        finally:
            self.release()

    def sign(self) -> None:
        """Write this process's number into the file, for the one who is refused."""
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def _read_pid(self) -> int:
        with suppress(ValueError):
            return int(os.pread(self._file, 32, 0))
        return 0

    def close(self) -> None:
        """Close the file, which frees the lock too."""
        os.close(self._file)
