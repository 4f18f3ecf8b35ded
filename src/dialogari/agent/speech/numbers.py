"""Numbers as they are written: which mark is the decimal one, and what is said of the digits.

Digits stay digits wherever a voice reads them right, which is nearly everywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

NUMBER: Final = (
    r"\d{1,3}(?:[.,]\d{3}){1,5}+(?!\d)(?:[.,]\d{1,2}(?!\d))?+|\d{1,15}+(?:[.,]\d{1,6}+)?+"
)
"""A number with or without separators; what surrounds it is the user's to check."""

EDGE: Final = r"(?<![\w.,])(?<!\d:)"
"""Where a number begins that is not the rest of a longer one or of a word."""

RANGE: Final = r"\s?[-–—]\s?"

_MARK: Final = re.compile(r"[.,]")
_GROUP: Final = 3


@dataclass(frozen=True, slots=True)
class Number:
    """A number's digits."""

    whole: str
    fraction: str = ""
    written: str = ""
    """How to write it where it is said as a number, in the marks of its language."""

    @property
    def is_one(self) -> bool:
        """Whether the noun beside it stands in the singular."""
        return self.whole == "1" and not self.fraction


def read_number(text: str, decimal: str) -> Number:
    """Return what a match of NUMBER says.

    A single mark before three digits is taken for what separates thousands unless it is the
    language's decimal mark; then it may be either, and the number is left as it is written.
    """
    parts = _MARK.split(text)
    if len(parts) == 1:
        return Number(text, "", text)
    marks = _MARK.findall(text)
    tail = parts[-1]
    if len(set(marks)) > 1 or len(tail) != _GROUP:
        whole = "".join(parts[:-1])
        return Number(whole, tail, f"{whole}{decimal}{tail}")
    if len(marks) == 1 and (marks[0] == decimal or parts[0].startswith("0")) and tail != "000":
        return Number(parts[0], tail, text)
    whole = "".join(parts)
    return Number(whole, "", whole)
