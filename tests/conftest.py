"""What the tests of several parts share."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from dialogari.sandbox.errors import UnavailableError
from dialogari.sandbox.fetch import Installation, default_cache, fetch_asterisk, find_asterisk
from postgresql_server import PostgresqlServer, ServerFault
from releases import RELEASES

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


@pytest.fixture(scope="session")
def asterisk_installation() -> Installation:
    """A real Asterisk, fetched into the user's cache where it is not there yet."""
    try:
        return find_asterisk(default_cache())
    except UnavailableError as error:
        pytest.skip(f"NOT TESTED ON A REAL ASTERISK: {error}")


@pytest.fixture(scope="session")
def postgresql() -> Generator[PostgresqlServer]:
    """A real PostgreSQL, running."""
    with tempfile.TemporaryDirectory(prefix="dialogari-postgresql-") as folder:
        try:
            server = PostgresqlServer.make(Path(folder))
            server.start()
        except (ServerFault, OSError) as error:
            pytest.skip(f"NOT TESTED ON POSTGRESQL: {error}")
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Undo what a test does to the process's logging, which is one for all of them."""
    root, ours = logging.getLogger(), logging.getLogger("dialogari")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], level, own_level = before
    root.setLevel(level)
    ours.setLevel(own_level)
    structlog.reset_defaults()


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
