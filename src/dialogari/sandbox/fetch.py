"""Find an Asterisk to run: in the cache, on the system, or from Debian's archive.

A few seconds and 35 MB bring Asterisk 22 and what it needs from a Debian suite into a folder of the
cache, without root and without touching the system (`apt.py`, `unpack.py`). The folder is built
aside and renamed when it is whole, under a lock, so that a killed or a second process never leaves
or meets half of one.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dialogari.sandbox.apt import PrivateApt, Suite, choose_suites, find_suites
from dialogari.sandbox.errors import UnavailableError
from dialogari.sandbox.installation import (
    Installation,
    Machine,
    describe_tree,
    find_installed,
    this_machine,
)
from dialogari.sandbox.program import ProgramError
from dialogari.sandbox.unpack import unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

__all__ = ["Installation", "Progress", "default_cache", "fetch_asterisk", "find_asterisk"]

_OLDEST_PREFERRED = 20
"""Release series from which on an installed Asterisk is as good as a fetched one."""
_LAYOUT = 1
"""Raised when a tree unpacked by older code must not be used any more."""
_STAMP = "dialogari-version"
"""File in the tree that holds Asterisk's version; written last."""
_LOCK_LIMIT = 900.0
"""Seconds to wait for another process that is fetching."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step has come."""

    step: str
    """What is being done, for a person to read."""
    done: int
    """Bytes so far; 0 while the total is unknown."""
    total: int | None
    """Bytes in all; None where nobody knows, and it can only be shown that something moves."""


def _ignore(_progress: Progress) -> None:
    pass


def default_cache() -> Path:
    """Return the user's cache folder for Asterisk; it need not exist yet."""
    home = os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
    return Path(os.environ.get("XDG_CACHE_HOME") or Path(home, ".cache")) / "dialogari/asterisk"


def find_asterisk(
    cache: Path,
    suites: Sequence[str] = ("forky", "sid"),
    report: Callable[[Progress], None] = _ignore,
) -> Installation:
    """Return an Asterisk to run, fetching it from the first of the Debian suites that has it.

    On Ubuntu the suite is the system's own release, whatever `suites` says.

    Order: the cache; an `asterisk` of series 20 or later installed here; the suites; any other
    installed `asterisk`. Blocks for seconds to minutes when it fetches; `report` is called from
    the same thread, some ten times a second.

    Raises:
        UnavailableError: none can be had; its one sentence says what is missing and what to do.
    """
    cache = cache.absolute()
    suites = choose_suites(suites)
    machine = this_machine()
    if machine and (cached := _find_cached(cache, suites, machine)):
        return cached
    installed = find_installed()
    if installed and installed.major >= _OLDEST_PREFERRED:
        return installed
    try:
        return _fetch(cache, suites, machine, report)
    except UnavailableError as error:
        if installed:
            return installed
        raise UnavailableError(
            f"No Asterisk for the sandbox: {error}; or install Asterisk 20 or later yourself, "
            "so that `asterisk` is on PATH."
        ) from error


def fetch_asterisk(
    cache: Path, suites: Sequence[str], report: Callable[[Progress], None] = _ignore
) -> Installation:
    """Return the Asterisk of the first of these suites that has one, and no other.

    From the cache or from a mirror, each suite in a folder of its own; blocks as `find_asterisk`.

    Raises:
        UnavailableError: none of them can be had, on Ubuntu none of Debian's ever.
    """
    cache = cache.absolute()
    machine = this_machine()
    cached = _find_cached(cache, suites, machine) if machine else None
    return cached or _fetch(cache, suites, machine, report)


def _fetch(
    cache: Path,
    suites: Sequence[str],
    machine: Machine | None,
    report: Callable[[Progress], None],
) -> Installation:
    if machine is None:
        raise UnavailableError("it can be fetched for amd64 and arm64 computers only")
    for program in ("apt-get", "dpkg-deb", "tar"):
        if shutil.which(program) is None:
            raise UnavailableError(f"there is no {program} on PATH to fetch it with")
    try:
        with _alone(cache, report):
            return _find_cached(cache, suites, machine) or _fetch_first(
                cache, find_suites(suites), machine, report
            )
    except OSError as error:
        raise UnavailableError(
            f"the cache folder {cache} can't be used ({error.strerror or error}); name another "
            "by XDG_CACHE_HOME"
        ) from error


def _fetch_first(
    cache: Path, suites: Sequence[Suite], machine: Machine, report: Callable[[Progress], None]
) -> Installation:
    reasons: list[str] = []
    unreachable: set[str] = set()
    for suite in suites:
        if suite.uri in unreachable:
            continue
        with tempfile.TemporaryDirectory(prefix="building-", dir=cache) as folder:
            apt = PrivateApt(Path(folder) / "apt", suite, machine.architecture)
            try:
                version = _build(apt, Path(folder) / "root", machine, report)
            except ProgramError as error:
                reasons.append(apt.explain(error))
                unreachable |= {suite.uri} if apt.is_unreachable(error) else set()
                continue
            except (subprocess.SubprocessError, ValueError) as error:
                reasons.append(f"what suite {suite.name} holds does not run here ({error})")
                continue
            tree = _tree(cache, suite.name, machine)
            shutil.rmtree(tree, ignore_errors=True)  # a broken one, or it would have been found
            (Path(folder) / "root").rename(tree)
            return describe_tree(tree, machine, version)
    raise UnavailableError("; ".join(dict.fromkeys(reasons)))


def _build(
    apt: PrivateApt, root: Path, machine: Machine, report: Callable[[Progress], None]
) -> str:
    """Fetch and unpack Asterisk below `root`, stamp it, and return its version."""

    def step(text: str, total: int | None) -> Callable[[int], None]:
        report(Progress(text, 0, total))
        return lambda done: report(Progress(text, min(done, total or 0), total))

    apt.read_index(step(f"Reading the package index of {apt.suite.name}", None))
    size = apt.download_size()
    packages = apt.download(step("Downloading Asterisk", size))
    report(Progress("Downloading Asterisk", size, size))
    unpack(packages, root, step("Unpacking Asterisk", size))
    version = describe_tree(root, machine).version
    (root / _STAMP).write_text(version)
    return version


def _tree(cache: Path, suite: str, machine: Machine) -> Path:
    return cache / f"{suite}-{machine.architecture}-{_LAYOUT}"


def _find_cached(cache: Path, suites: Sequence[str], machine: Machine) -> Installation | None:
    for suite in suites:
        tree = _tree(cache, suite, machine)
        try:
            return describe_tree(tree, machine, (tree / _STAMP).read_text())
        except (OSError, ValueError):
            continue
    return None


@contextmanager
def _alone(cache: Path, report: Callable[[Progress], None]) -> Generator[None]:
    """Hold the cache's lock, and clear what a process that died while holding it has left."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        until = time.monotonic() + _LOCK_LIMIT
        while not _try_lock(lock.fileno()):
            report(Progress("Waiting for another process that is fetching Asterisk", 0, None))
            if time.monotonic() > until:
                raise UnavailableError(f"another process has held {cache}/lock for too long")
            time.sleep(0.2)
        for leftover in cache.glob("building-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
