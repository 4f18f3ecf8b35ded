"""What an Asterisk can do is learned from itself, not from its version."""

from __future__ import annotations

import asyncio

import pytest

from ari_serving import connect_to
from dialogari.ari.features import Features
from dialogari.ari.testing import FakeAsterisk
from either_pbx import LIMIT, Phone, Server

EXPECTED = {
    "fake": Features(rest_over_websocket=True, bulk_variables=True),
    "asterisk-22": Features(rest_over_websocket=True, bulk_variables=True, array_function=True),
    "asterisk-16": Features(array_function=True),
}


async def learn(server: Server, app: str) -> Features:
    """Connect, and return what was learned."""
    async with connect_to(server, app) as client, asyncio.timeout(LIMIT):
        await client.wait_until_ready()
        return client.session.features


@pytest.mark.parametrize(("original", "expected"), EXPECTED.items(), indirect=["original"])
async def test_each_has_its_features(phone: Phone, app: str, expected: Features) -> None:
    """22 has all of them, 16.28 only ARRAY() to set several variables at once."""
    assert await learn(phone.server, app) == expected


async def test_one_without_any(app: str) -> None:
    """An Asterisk that has none of them, not even the module, can be connected to."""
    async with FakeAsterisk(rest_over_websocket=False, bulk_variables=False) as fake:
        assert await learn(fake, app) == Features()
