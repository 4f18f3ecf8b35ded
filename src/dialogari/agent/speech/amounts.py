"""Amounts of money and measures: the sign becomes a word, in the place where it is spoken.

`$12.50` and `12,50 €` name a currency and its hundredth, `25 °C` and `5-10 km` a unit. What a
language adds (its words, how it counts, what a `$` is there) stands in a `Counting`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dialogari.agent.speech.numbers import EDGE, NUMBER, RANGE, Number, read_number
from dialogari.agent.speech.rules import DIGITS, one_of, rule

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping

    from dialogari.agent.speech.rules import Rule

_MINUS: Final = r"(?:(?<![\w)\]])(?<!\d )([-−]))?+"
_CENTS: Final = 2


@dataclass(frozen=True, slots=True)
class Noun:
    """What is counted."""

    one: str
    many: str
    feminine: bool = False


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency and its hundredth; None where prices have none."""

    unit: Noun
    cent: Noun | None = None


@dataclass(frozen=True, slots=True)
class Counting:
    """How a language, and a region of it, counts money and measures."""

    decimal: str
    count: Callable[[Number, Noun], str]
    minus: str
    to: str
    """Between the ends of a range."""
    cents_with: str
    """Between an amount and its cents."""
    currencies: Mapping[str, Currency]
    """By sign and by code."""
    magnitudes: Mapping[str, str]
    """Millions and the like; what is said, `of` included, before the currency."""
    per: Mapping[str, str]
    """What is said of `/month`."""
    units: Mapping[str, Noun]
    """By sign."""


def amount_rules(counting: Counting) -> tuple[Rule, ...]:
    """Return the rules for amounts with the sign before, with the sign after, and for measures."""
    signs = one_of(each for each in counting.currencies if not each.isalpha())
    codes = one_of(each for each in counting.currencies if each.isalpha())
    magnitude = rf"(?:\s?({one_of(counting.magnitudes)})(?!\w))?+"
    per = rf"(?:\s?/\s?({one_of(counting.per)})(?!\w))?+"
    after_sign = r"(?!\w|[.,]\d)"

    def say_before(match: re.Match[str]) -> str:
        minus, sign, low, high, size, each = match.groups()
        return _say(counting, sign, (minus, low, high), size, each)

    def say_after(match: re.Match[str]) -> str:
        minus, low, high, size, sign, each = match.groups()
        return _say(counting, sign, (minus, low, high), size, each)

    before = (
        rf"{_MINUS}(?<![\w$€£])(?:(?:{codes})\s?(?=[^\w\s]))?"
        rf"({signs}|(?:{codes})(?=[ \d]))\s?({NUMBER})"
        rf"(?:{RANGE}(?:{signs})?({NUMBER}))?+{magnitude}{after_sign}{per}"
    )
    after = (
        rf"{_MINUS}{EDGE}({NUMBER})(?:{RANGE}({NUMBER}))?+{magnitude}"
        rf"\s?({signs}|(?:{codes})(?!\w))(?![\d$€£]){per}"
    )
    return (
        rule(before, say_before, DIGITS, rf"(?:{signs}|(?:{codes})(?=[ \d]))\s?\d"),
        rule(after, say_after, DIGITS, rf"\d{magnitude}\s?(?:{signs}|{codes})"),
        _measure_rule(counting),
    )


def _say(
    counting: Counting,
    sign: str,
    ends: tuple[str | None, str, str | None],
    size: str | None,
    each: str | None,
) -> str:
    currency = counting.currencies[sign]
    minus, low, high = ends
    number = read_number(high or low, counting.decimal)
    if size:
        said = f"{number.written} {counting.magnitudes[size]} {currency.unit.many}"
    else:
        said = _say_one(counting, currency, number)
    if high:
        first = read_number(low, counting.decimal)
        whole = first.written if size or not first.fraction else _say_one(counting, currency, first)
        said = f"{whole} {counting.to} {said}"
    said = f"{counting.minus} {said}" if minus else said
    return f"{said} {counting.per[each]}" if each else said


def _say_one(counting: Counting, currency: Currency, number: Number) -> str:
    if not number.fraction:
        return counting.count(number, currency.unit)
    if currency.cent is None or len(number.fraction) > _CENTS:
        return f"{number.written} {currency.unit.many}"
    cents = number.fraction.ljust(_CENTS, "0").lstrip("0")
    whole = Number(number.whole, "", number.whole)
    if not cents:
        return counting.count(whole, currency.unit)
    small = counting.count(Number(cents, "", cents), currency.cent)
    if not number.whole.strip("0"):
        return small
    return f"{counting.count(whole, currency.unit)} {counting.cents_with} {small}"


def _measure_rule(counting: Counting) -> Rule:
    # Without a blank it may be metres, minutes or millions.
    close = one_of(unit for unit in counting.units if unit != "m")

    def say(match: re.Match[str]) -> str:
        minus, low, high, near, far = match.groups()
        noun = counting.units[near or far]
        number = read_number(high or low, counting.decimal)
        said = counting.count(number, noun)
        if high:
            said = f"{read_number(low, counting.decimal).written} {counting.to} {said}"
        return f"{counting.minus} {said}" if minus else said

    unit = rf"(?:\s?({close})|\s(m))(?![\w²³]|/\w|['’]\w)"
    pattern = rf"{_MINUS}{EDGE}({NUMBER})(?:\s?%?{RANGE}({NUMBER}))?+{unit}"
    return rule(pattern, say, DIGITS, rf"\d{unit}")
