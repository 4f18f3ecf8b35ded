"""The committed models and operations are what the generator makes of a real Asterisk."""

from __future__ import annotations

import asyncio
import difflib
import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dialogari.ari import models, operations
from dialogari.ari.models import ASTERISK_VERSION
from dialogari.sandbox.asterisk import Asterisk
from either_pbx import bare_session, send

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

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


@pytest.mark.parametrize(("pbx", "described"), [("real", 109), ("real_16", 98)])
async def test_all_operations(request: pytest.FixtureRequest, pbx: str, described: int) -> None:
    """Every operation that a real Asterisk describes is a method, but for one.

    `GET /events` opens the events socket: no command could ask for it.
    """
    asterisk: Asterisk = request.getfixturevalue(pbx)
    named = [name async for name in described_operations(asterisk)]

    assert len(named) == described
    assert set(named) - methods() == {"Events.event_websocket"}
    if pbx == "real":
        assert methods() <= set(named)


async def described_operations(asterisk: Asterisk) -> AsyncGenerator[str]:
    """Yield each operation that an Asterisk describes, by the name of its method."""
    async with bare_session(asterisk) as session:
        listing = await send(session, f"{asterisk.url}/api-docs/resources.json", "GET")
        for entry in listing.body["apis"]:
            path = entry["path"].replace("{format}", "json")
            resource = path.removeprefix("/api-docs/").removesuffix(".json")
            declaration = await send(session, f"{asterisk.url}{path}", "GET")
            for place in declaration.body["apis"]:
                for operation in place["operations"]:
                    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation["nickname"]).lower()
                    yield f"{resource[0].upper()}{resource[1:]}.{name}"


def methods() -> set[str]:
    """Return every operation that there is a method for."""
    return {
        f"{resource}.{name}"
        for resource, kind in inspect.getmembers(operations, inspect.isclass)
        for name, method in vars(kind).items()
        if inspect.iscoroutinefunction(method)
    }
