"""Telephone numbers: digit by digit, a pause between the groups.

A number with a plus, or in the shape that only telephone numbers have, is one wherever it stands.
Other digits are one only after a word such as `call` or `teléfono`; without it they stay a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dialogari.agent.speech.rules import DIGITS, rule

if TYPE_CHECKING:
    from dialogari.agent.speech.rules import Rule

_GROUPS: Final = r"(?:[ .-]?\(?\d{1,4}+\)?(?!\d)){0,6}(?<=\d\d)"
_AFTER: Final = r"(?![\w]|[.,-]\d)"
_SHAPES: Final = (
    r"\d-\d{3}-\d{3}-\d{4}"
    r"|\(\d{2,4}\)[ -]?\d{3,4}[ -]\d{3,4}"
    r"|\d{3}[ -]\d{3}[ -]\d{4}|\d{3}\.\d{3}\.\d{4}"
    r"|[6-9]\d{2}([ .-])\d{2}\2\d{2}\2\d{2}"
    r"|9\d([ .-])\d{3}\3\d{2}\3\d{2}"
    r"|[6-9]\d{2} \d{3} (?!000)\d{3}"
    r"|[2-9]\d[ -]\d{4}[ -]\d{4}"
    r"|0\d{2,4} \d{3,4} \d{3,4}"
)
_EXTENSION: Final = r"(?:,? ?(?:(?:ext(?:ension|ensión)?|int)\b\.?|x) ?(\d{1,6})(?!\w))?+"
_HINT: Final = r"\d\d[ .()-]{0,2}\d[ .-]?\d"
_LEAST, _MOST = 6, 15
"""Digits of a telephone number."""
_GROUP: Final = 3


@dataclass(frozen=True, slots=True)
class Telephone:
    """How a language speaks of telephone numbers."""

    plus: str
    extension: str
    cues: str
    """A pattern of the words after which digits are a telephone number."""


def telephone_rules(words: Telephone) -> tuple[Rule, ...]:
    """Return the rules for numbers by their shape, by a word before them, and for extensions."""

    def say(match: re.Match[str]) -> str | None:
        return _say(match[1], match[match.re.groups], words)

    def say_after_cue(match: re.Match[str]) -> str | None:
        said = _say(match[2], match[3], words)
        return None if said is None else match[1] + said

    def say_extension(match: re.Match[str]) -> str:
        return f"{words.extension} {' '.join(match[1])}"

    number = r"\d{2,15}+(?:[ .-]\d{2,4}+(?!\d)){0,5}"
    return (
        rule(
            rf"(?<![\w+])(\+\d{{1,15}}+{_GROUPS}){_AFTER}{_EXTENSION}",
            say,
            "+",
            flags=re.IGNORECASE,
        ),
        rule(rf"(?<![\w.,+/-])({_SHAPES}){_AFTER}{_EXTENSION}", say, DIGITS, _HINT, re.IGNORECASE),
        rule(
            rf"\b((?:{words.cues})\b\.?[^\w\n]{{0,3}}(?:[^\W\d_]{{1,8}}+[^\w\n]{{1,3}}){{0,3}})"
            rf"({number}){_AFTER}{_EXTENSION}",
            say_after_cue,
            DIGITS,
            _HINT,
            re.IGNORECASE,
        ),
        rule(
            r"\bext(?:ension|ensión)?\b\.? ?(\d{2,6})(?![\w.,]\d|\w)",
            say_extension,
            "xX",
            r"t(?<=ext)(?:ension|ensión)?\.? ?\d",
            re.IGNORECASE,
        ),
    )


def _say(number: str, extension: str | None, words: Telephone) -> str | None:
    groups = re.findall(r"\d+", number)
    if not _LEAST <= sum(map(len, groups)) <= _MOST:
        return None
    if len(groups) == 1:
        groups = _group(groups[0])
    said = ", ".join(" ".join(group) for group in groups)
    if number.startswith("+"):
        said = f"{words.plus} {said}"
    return f"{said}, {words.extension} {' '.join(extension)}" if extension else said


def _group(digits: str) -> list[str]:
    """Part digits that were written in one go into threes, the rest of one or four at the end."""
    end = len(digits) - 4 if len(digits) % _GROUP == 1 else len(digits)
    groups = [digits[at : at + _GROUP] for at in range(0, end, _GROUP)]
    return [*groups, digits[end:]] if end < len(digits) else groups
