"""Dates and hours of the day as numbers, whatever the language says of them.

A date must exist to be one: 31/02/2026 and 45/13/2026 stay as they are, and so does 03/04/2026
where nobody says whether the month comes first.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from dialogari.agent.speech.rules import rule

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from dialogari.agent.speech.rules import Rule

_PIVOT: Final = 69
"""Years of two digits: from here on they are of the last century, as POSIX has it."""
_MONTHS: Final = 12


def date_rules(month_first: bool | None, say_date: Callable[[dt.date], str]) -> tuple[Rule, ...]:
    """Return the rules for dates in digits.

    Args:
        month_first: Whether 03/04 is the fourth of March; None: nobody knows.
        say_date: What the language says of a date.
    """

    def say_iso(match: re.Match[str]) -> str | None:
        date = to_date(match[1], match[2], match[3])
        return None if date is None else say_date(date) + (" " if match[4] else "")

    def say_numeric(match: re.Match[str]) -> str | None:
        first, _, second, year = match.groups()
        date = _read(first, second, year, month_first=month_first)
        return None if date is None else say_date(date)

    return (
        rule(
            r"(?<![\w/.-])(\d{4})-(\d\d)-(\d\d)(?:(T)(?=\d\d:)|(?![\w/]|-\w))",
            say_iso,
            "-",
            r"\d-\d\d-",
        ),
        rule(
            r"(?<![\w/.-])(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|(?<=/)\d\d)(?![\w/]|[.,-]\w)",
            say_numeric,
            "/.-",
            r"\d[/.-]\d{1,2}[/.-]\d",
        ),
    )


def _read(first: str, second: str, year: str, *, month_first: bool | None) -> dt.date | None:
    one, two = int(first), int(second)
    if month_first is None and one != two and max(one, two) <= _MONTHS:
        return None
    as_month_first = to_date(year, first, second)
    as_day_first = to_date(year, second, first)
    if month_first is None:
        return as_day_first or as_month_first
    return as_month_first if month_first else as_day_first


def to_date(year: str, month: str | int, day: str | int) -> dt.date | None:
    """Return the date, or None where there is no such day."""
    number = int(year)
    if len(year) == len("26"):
        number += 1900 if number >= _PIVOT else 2000
    try:
        return dt.date(number, int(month), int(day))
    except ValueError:
        return None
