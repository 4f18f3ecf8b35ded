"""What the tests of the local model share: the real model, where it lies in the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dialogari.agent.local.catalogue import DEFAULT
from dialogari.agent.local.fetch import default_cache, is_cached

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def model_file() -> Path:
    """The default model's file; the test is skipped where it has not been fetched."""
    cache = default_cache()
    if not is_cached(DEFAULT, cache):
        pytest.skip(
            f"the local model ({DEFAULT.size // 1_000_000} MB) is not in {cache}:"
            " `./run demo` fetches it"
        )
    return cache / DEFAULT.file_name
