"""Roman numerals, where the word before them leaves no doubt: `siglo XXI`, `chapter IV`.

`Felipe VI` and `Elizabeth II` stay: whether a king or a chapter has the number, and so how it is
said, is not in the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dialogari.agent.speech.rules import rule

if TYPE_CHECKING:
    import re

    from dialogari.agent.speech.rules import Rule

_UNITS: Final = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
_VALUES: Final = {
    "X" * tens + unit: 10 * tens + value
    for tens in range(4)
    for value, unit in enumerate(_UNITS)
    if tens or value
}


def roman_rule(before: str, least: int) -> Rule:
    """Return the rule for numerals of so many letters or more after one of these words."""

    def say(match: re.Match[str]) -> str | None:
        value = _VALUES.get(match[2])
        return None if value is None else f"{match[1]}{value}"

    return rule(
        rf"\b((?i:{before})s?\s)([IVX]{{{least},7}})(?!\w|['’.]\w)",
        say,
        "IVX",
        rf"[IVX]{{{least}}}[IVX]*\b",
    )
