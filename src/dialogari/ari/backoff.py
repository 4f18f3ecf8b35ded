"""How long to wait before trying again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_DELAY = 0.05
LONGEST_DELAY = 2.0
"""So long at most an Asterisk that is back sends its calls past us."""


def backoff() -> Iterator[float]:
    """Yield seconds to wait before each further try: doubling, jittered, at most LONGEST_DELAY."""
    delay = FIRST_DELAY
    while True:
        # Jitter keeps a herd of bridges from knocking at one moment; it guards no secret.
        yield delay * random.uniform(0.5, 1.0)  # noqa: S311
        delay = min(delay * 2, LONGEST_DELAY)
