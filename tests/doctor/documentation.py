"""What docs/doctor.md promises: the findings and their verdicts."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "doctor.md"


@cache
def documented() -> dict[str, str]:
    """Return the verdicts, in words, by the finding's name."""
    rows = re.findall(r"^\| `([a-z_.]+)` \| ([^|]+) \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    return dict(rows)
