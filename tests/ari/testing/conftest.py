"""A telephone on FakeAsterisk and on a real Asterisk: each check of this folder runs on both.

On 22 alone, because that is what FakeAsterisk imitates.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from dialogari.ari.testing import FakeAsterisk
from dialogari.sandbox.asterisk import Asterisk
from either_pbx import DIALPLAN, FakePhone, RealPhone, connect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.sandbox.installation import Installation
    from either_pbx import Client, Phone


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def real(asterisk_installation: Installation) -> AsyncGenerator[Asterisk]:
    """A real Asterisk for all tests of this folder."""
    async with Asterisk(asterisk_installation, dialplan=DIALPLAN) as running:
        yield running


@pytest.fixture(params=["fake", "asterisk-22"])
def original(request: pytest.FixtureRequest) -> Asterisk | None:
    """The real Asterisk, or None where the test is to use the double."""
    return request.getfixturevalue("real") if request.param == "asterisk-22" else None


@pytest_asyncio.fixture
async def phone(original: Asterisk | None) -> AsyncGenerator[Phone]:
    """A telephone on a FakeAsterisk, or on a real one."""
    if original is not None:
        real_phone = RealPhone(original)
        yield real_phone
        await real_phone.hang_up()
        return
    async with FakeAsterisk() as fake:
        yield FakePhone(fake)


@pytest_asyncio.fixture
async def client(phone: Phone) -> AsyncGenerator[Client]:
    """A connected client with an application of its own."""
    async with connect(phone.server, f"app-{secrets.token_hex(4)}") as connected:
        yield connected
