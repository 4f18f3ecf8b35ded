"""The committed models are what the generator makes of a real Asterisk."""

from __future__ import annotations

import asyncio
import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dialogari.ari import models
from dialogari.ari.models import ASTERISK_VERSION
from dialogari.sandbox.asterisk import Asterisk

if TYPE_CHECKING:
    from dialogari.sandbox.installation import Installation

ROOT = Path(__file__).parents[2]


async def test_regenerated(asterisk_installation: Installation, tmp_path: Path) -> None:
    """The generator makes these very files of the descriptions that a real Asterisk serves."""
    async with Asterisk(asterisk_installation) as asterisk:
        await run_generator(asterisk, tmp_path)
    committed = Path(models.__file__).parent
    difference = "\n".join(
        compare(committed / name, tmp_path / name) for name in ("models.py", "operations.py")
    ).strip()
    if asterisk_installation.version != ASTERISK_VERSION:
        pytest.skip(f"made from {ASTERISK_VERSION}; here it would differ:\n{difference}")
    assert difference == ""


async def run_generator(asterisk: Asterisk, output: Path) -> None:
    """Run the generator as its documentation says."""
    login = ["--user", asterisk.username, "--password", asterisk.password]
    arguments = [ROOT / "tools/generate_ari.py", asterisk.url, *login, "--output", output]
    generator = await asyncio.create_subprocess_exec(sys.executable, *arguments)
    async with asyncio.timeout(30):
        assert await generator.wait() == 0


def compare(one: Path, other: Path) -> str:
    """Return how two files differ; nothing where they do not."""
    before, after = (path.read_text(encoding="utf-8").splitlines() for path in (one, other))
    return "\n".join(difflib.unified_diff(before, after, lineterm="", n=0))
