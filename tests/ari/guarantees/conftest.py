"""A line in each of the ways, to a FakeAsterisk and to real ones: a guarantee holds on all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from ari_line import ALL, Line, Place, Way, open_line

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

INSTALLED = {"asterisk-22": "real", "asterisk-16": "real_16"}


@pytest.fixture(params=ALL)
def place(request: pytest.FixtureRequest) -> Place:
    """Each Asterisk, in each way that it has."""
    name = str(request.param)
    way = next(way for way in Way if name.endswith(f"-{way}"))
    fixture = INSTALLED.get(name.removesuffix(f"-{way}"))
    return Place(request.getfixturevalue(fixture) if fixture else None, way)


@pytest_asyncio.fixture
async def line(place: Place) -> AsyncGenerator[Line]:
    """A line that no other test has."""
    async with open_line(place) as opened:
        yield opened
