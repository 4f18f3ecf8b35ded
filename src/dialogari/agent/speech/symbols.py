"""Signs between words and numbers, and ranges: what a voice would skip or name wrongly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dialogari.agent.speech.numbers import EDGE, RANGE
from dialogari.agent.speech.rules import one_of, rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dialogari.agent.speech.rules import Rule

_YEAR: Final = r"(?:19|20)\d\d"


@dataclass(frozen=True, slots=True)
class Symbols:
    """How a language says them."""

    between: Mapping[str, str]
    """Signs between two words, with blanks around."""
    numbers: Mapping[str, str]
    """Signs between two numbers; `*` and `-` only with blanks around."""
    before: Mapping[str, str]
    """Signs before a number."""
    to: str
    """Between the ends of a range."""
    spans: str
    """A pattern of words before which `3-5` is a range and no difference, score or number."""


def symbol_rules(symbols: Symbols) -> tuple[Rule, ...]:
    """Return the rules; sums come before single signs, as both have a `±`."""

    def say_between(match: re.Match[str]) -> str:
        return f" {symbols.between[match[1]]} "

    def say_sum(match: re.Match[str]) -> str:
        return f" {symbols.numbers[match[1] or match[2]]} "

    def say_before(match: re.Match[str]) -> str:
        return f"{symbols.before[match[1]]} "

    def say_range(match: re.Match[str]) -> str:
        return f"{match[1]} {symbols.to} {match[2]}"

    close = one_of(each for each in symbols.numbers if each != "*")
    sums = "".join(symbols.numbers)
    return (
        rule(
            rf"(?<=\d)(?:\s?({close})\s?|\s(\*)\s)(?=\d)(?<!\b0x)",
            say_sum,
            sums,
            rf"\d\s?[{re.escape(sums)}]",
        ),
        rule(rf"(?<=[\w)])\s({one_of(symbols.between)})\s(?=[\w(¿¡])", say_between, "&+="),
        rule(
            rf"(?<![\w*#])({one_of(symbols.before)})\s?(?=\d)(?!\d{{1,20}}#)",
            say_before,
            "".join(symbols.before),
        ),
        rule(rf"{EDGE}(\d{{1,4}}){RANGE}(\d{{1,4}})(?=\s(?:{symbols.spans})\b)", say_range, "-–—"),
        rule(rf"{EDGE}(\d{{1,4}})\s?–\s?(\d{{1,4}})(?![\w–-]|[.,/:]\d)", say_range, "–"),
        rule(rf"(?<![\w.,/-])({_YEAR})\s?-\s?({_YEAR})(?![\w-]|[.,/:]\d)", say_range, "-"),
    )
