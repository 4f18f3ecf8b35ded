"""What several requests cost together."""

from __future__ import annotations

import pytest

from dialogari.asked import Asked, Usage, add_up


@pytest.mark.parametrize(
    ("usages", "total"),
    [
        ([], Usage()),
        ([Usage(10, 5, 0.5), Usage(20, 7, 0.25)], Usage(30, 12, 0.75)),
        ([Usage(10, 5, 0.5), Usage(20, 7, None)], Usage(30, 12, None)),
        ([Usage(10, 5, 0.5), Usage()], Usage(10, 5, 0.5)),
        ([Usage(10, 5, 0.0)], Usage(10, 5, 0.0)),
    ],
)
def test_add_up(usages: list[Usage], total: Usage) -> None:
    """A price that is unknown makes the whole unknown; a request that used nothing does not."""
    assert add_up([Asked("a:x", usage=usage) for usage in usages]) == total
