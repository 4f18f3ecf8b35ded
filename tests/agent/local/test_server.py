"""The server without a model: what it says when it can't start, and that nothing is left behind."""

from __future__ import annotations

import importlib.util
import tempfile
from typing import TYPE_CHECKING

import pytest

from dialogari.agent.local.errors import NotInstalledError, ServerError
from dialogari.agent.local.server import LocalServer

if TYPE_CHECKING:
    from pathlib import Path

    from dialogari.agent.local.progress import Progress


def ignore(_progress: Progress) -> None:
    """Report to nobody."""


def find_nothing(_name: str) -> None:
    """Find no package."""


def names_in(folder: Path) -> set[str]:
    """Return what lies in a folder."""
    return {entry.name for entry in folder.iterdir()}


async def test_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file that is no model is told with its name and the log; nothing reaches our terminal."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file, log = tmp_path / "bad.gguf", tmp_path / "model.log"
    file.write_bytes(b"GGUF nonsense")
    async with LocalServer(file, log=log) as server:
        with pytest.raises(ServerError, match=rf"bad\.gguf did not start.*{log}"):
            await server.start(ignore)
        assert not server.alive
        assert server.pid is None
    assert b"bad.gguf" in log.read_bytes()
    assert capfd.readouterr() == ("", "")
    assert names_in(tmp_path) == {file.name, log.name}


async def test_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the error says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", find_nothing)
    async with LocalServer(tmp_path / "any.gguf") as server:
        with pytest.raises(NotInstalledError, match=r"pip install 'dialogari\[local\]'"):
            await server.start(ignore)


async def test_prime_before_start(tmp_path: Path) -> None:
    """Priming what does not run is an error of ours."""
    async with LocalServer(tmp_path / "any.gguf") as server:
        with pytest.raises(ServerError):
            await server.prime("You answer the telephone.")


async def test_error_of_the_body(tmp_path: Path) -> None:
    """An exception inside `async with` comes out as it is."""
    with pytest.raises(LookupError):
        async with LocalServer(tmp_path / "any.gguf"):
            raise LookupError
