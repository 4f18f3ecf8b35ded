"""How long to wait before trying again."""

from __future__ import annotations

from itertools import islice

from dialogari.ari.backoff import FIRST_DELAY, LONGEST_DELAY, backoff


def test_grows_to_a_limit() -> None:
    """The first tries come fast, later ones at a steady pace, none at once."""
    delays = list(islice(backoff(), 20))

    assert FIRST_DELAY / 2 <= delays[0] <= FIRST_DELAY
    assert sum(delays[:5]) < LONGEST_DELAY
    assert all(LONGEST_DELAY / 2 <= delay <= LONGEST_DELAY for delay in delays[8:])


def test_differs() -> None:
    """Two that start together do not knock together."""
    assert list(islice(backoff(), 5)) != list(islice(backoff(), 5))
