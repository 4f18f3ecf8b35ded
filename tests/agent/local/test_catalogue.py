"""The models we know, and how one is named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dialogari.agent.local.catalogue import CATALOGUE, DEFAULT, HubFile, choose
from dialogari.agent.local.errors import UnknownModelError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("nothing", [None, ""])
def test_default(nothing: str | None) -> None:
    """Who names no model gets the default."""
    assert choose(nothing) is DEFAULT


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_by_name(model: object) -> None:
    """Every model is found by its name, whatever the case."""
    name = next(known.name for known in CATALOGUE if known is model)
    assert choose(f" {name.upper()} ") is model


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_pinned(model: object) -> None:
    """Every model is pinned by a whole SHA-256 and a commit of the hub."""
    known = next(known for known in CATALOGUE if known is model)
    assert re.fullmatch(r"[0-9a-f]{64}", known.sha256)
    hub = known.sources[0]
    assert isinstance(hub, HubFile)
    assert re.fullmatch(r"[0-9a-f]{40}", hub.revision)


def test_own_file(tmp_path: Path) -> None:
    """A GGUF file of the user's own is taken by its path."""
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF and more")
    assert choose(str(file)) == file


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04"])
def test_refused(tmp_path: Path, content: bytes | None) -> None:
    """A file that is missing, empty or no GGUF is refused, and the names are listed."""
    file = tmp_path / "other.gguf"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UnknownModelError) as refused:
        choose(str(file))
    assert all(model.name in str(refused.value) for model in CATALOGUE)


def test_folder(tmp_path: Path) -> None:
    """A folder is no model."""
    with pytest.raises(UnknownModelError, match="directory"):
        choose(str(tmp_path))
