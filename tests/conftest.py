"""What the tests of several parts share."""

from __future__ import annotations

import pytest

from dialogari.sandbox.errors import UnavailableError
from dialogari.sandbox.fetch import Installation, default_cache, find_asterisk


@pytest.fixture(scope="session")
def asterisk_installation() -> Installation:
    """A real Asterisk, fetched into the user's cache where it is not there yet."""
    try:
        return find_asterisk(default_cache())
    except UnavailableError as error:
        pytest.skip(f"NOT TESTED ON A REAL ASTERISK: {error}")
