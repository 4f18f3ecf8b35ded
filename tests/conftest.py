"""What the tests of several parts share."""

from __future__ import annotations

import pytest

from dialogari.sandbox.errors import UnavailableError
from dialogari.sandbox.fetch import Installation, default_cache, fetch_asterisk, find_asterisk
from releases import RELEASES


@pytest.fixture(scope="session")
def asterisk_installation() -> Installation:
    """A real Asterisk, fetched into the user's cache where it is not there yet."""
    try:
        return find_asterisk(default_cache())
    except UnavailableError as error:
        pytest.skip(f"NOT TESTED ON A REAL ASTERISK: {error}")


@pytest.fixture(scope="session")
def old_installation() -> Installation:
    """The oldest Asterisk we support, in the cache beside the newer one."""
    try:
        return fetch_asterisk(default_cache(), ["bullseye"])
    except UnavailableError as error:
        pytest.skip(f"NOT TESTED ON ASTERISK 16: {error}")


@pytest.fixture(scope="session", params=list(RELEASES))
def each_installation(request: pytest.FixtureRequest) -> Installation:
    """Both Asterisks in turn."""
    return request.getfixturevalue(RELEASES[request.param])
