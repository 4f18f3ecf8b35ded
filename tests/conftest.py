"""What the tests of several parts share.

The suite runs against two Asterisks, the ends of what we support: 22, which has every feature we
use, and 16.28, which has none of them and makes each command wait. A test that needs an Asterisk
takes `asterisk_installation` (the newer) where the difference can't matter to its claim.
"""

from __future__ import annotations

import pytest

from dialogari.sandbox.errors import UnavailableError
from dialogari.sandbox.fetch import Installation, default_cache, fetch_asterisk, find_asterisk

RELEASES = {"asterisk-22": "asterisk_installation", "asterisk-16": "old_installation"}
"""Name of an Asterisk in the ids of tests, and the fixture that has it."""


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
