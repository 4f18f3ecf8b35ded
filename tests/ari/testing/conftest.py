"""A telephone on FakeAsterisk and on a real Asterisk: each check of this folder runs on both.

On 22 alone, because that is what FakeAsterisk imitates. The telephone itself is that of the folder
above, for whichever `original` this one chooses.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from either_pbx import connect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.sandbox.asterisk import Asterisk
    from either_pbx import Client, Phone


@pytest.fixture(params=["fake", "asterisk-22"])
def original(request: pytest.FixtureRequest) -> Asterisk | None:
    """The real Asterisk, or None where the test is to use the double."""
    return request.getfixturevalue("real") if request.param == "asterisk-22" else None


@pytest_asyncio.fixture
async def client(phone: Phone) -> AsyncGenerator[Client]:
    """A connected client with an application of its own."""
    async with connect(phone.server, f"app-{secrets.token_hex(4)}") as connected:
        yield connected
