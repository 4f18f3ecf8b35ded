"""The time of day in Spanish: `las 9 y media`, `las 2 de la tarde`, `de 9 a 14 horas`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dialogari.agent.speech.numbers import RANGE
from dialogari.agent.speech.rules import final_stop, rule
from dialogari.agent.speech.spanish_words import spell

if TYPE_CHECKING:
    from dialogari.agent.speech.rules import Rule

_HALF: Final = r"(?:\s?([AaPp])(?:\.\s?[Mm]\b\.?|[Mm]\b))"
_HOURS: Final = r"(?:\s?(?:hrs?|hs?|horas)\b\.?)"
_TIME: Final = (
    r"(?:(\d{1,2})(?::([0-5]\d)(?::[0-5]\d)?|h([0-5]\d)\b|\.([0-5]\d)(?=\s?h(?:s|rs|oras)?\b))"
    rf"(?:{_HALF}|{_HOURS})?|(\d{{1,2}}){_HALF})"
)
_DAY, _NOON = 24, 12
_PARTS: Final = {
    "a": ("de la noche", *("de la madrugada",) * 5, *("de la mañana",) * 6),
    "p": ("del mediodía", *("de la tarde",) * 7, *("de la noche",) * 4),
}
"""By the hour, twelve standing for none."""
_SMALL: Final = {"15": "cuarto", "30": "media"}


def clock_rules() -> tuple[Rule, ...]:
    """Return the rule for one time of day, or two with something between."""
    article = r"(\blas?\s)?"
    link = rf"({RANGE}|\sa\s(?:las?\s)?)"
    edge = r"(?<![\w.,:/+])(?<!\d-)"
    pattern = rf"{edge}{article}{_TIME}(?:{link}{_TIME})?(?![\w:]|[.,]\d)"
    hint = r"\d(?::\d\d|h\d\d|\.\d\d\s?h|\s?[ap]\.?\s?m)"
    return (rule(pattern, _say, ":.hHaApP", hint, re.IGNORECASE),)


def _say(match: re.Match[str]) -> str | None:
    groups = match.groups()
    article, link = groups[0], groups[8]
    first = _say_time(groups[1:8], bare=bool(article or link))
    if link:
        second = _say_time(groups[9:], bare="la" in link.lower())
        between = link if "a" in link.lower() else " a "
        said = None if first is None or second is None else first + between + second
    else:
        said = first
    return None if said is None else (article or "") + said + final_stop(match)


def _say_time(groups: tuple[str | None, ...], *, bare: bool) -> str | None:
    """Return what is said of one time; None where there is no such time.

    Args:
        groups: Of _TIME.
        bare: Whether `las` or the rest of a range makes clear that it is an hour.
    """
    hour = int(groups[0] or groups[5] or 0)
    minutes = groups[1] or groups[2] or groups[3] or "00"
    half = groups[4] or groups[6]
    if hour >= _DAY or (half and not 1 <= hour <= _NOON):
        return None
    said = spell(str(hour), feminine=True) or str(hour)
    if minutes != "00":
        short = 1 <= hour <= _NOON
        said += f" y {_SMALL.get(minutes, int(minutes)) if short else int(minutes)}"
    elif not half and not bare:
        said = "la una" if hour == 1 else f"{said} horas"
    return f"{said} {_PARTS[half.lower()][hour % _NOON]}" if half else said
