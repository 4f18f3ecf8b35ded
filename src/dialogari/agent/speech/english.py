"""English: its words and its rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dialogari.agent.speech.addresses import Signs, address_rules
from dialogari.agent.speech.amounts import Counting, Currency, Noun, amount_rules
from dialogari.agent.speech.dates import date_rules
from dialogari.agent.speech.numbers import RANGE, Number
from dialogari.agent.speech.roman import roman_rule
from dialogari.agent.speech.rules import DIGITS, final_stop, one_of, rule, words
from dialogari.agent.speech.symbols import Symbols, symbol_rules
from dialogari.agent.speech.telephone import Telephone, telephone_rules

if TYPE_CHECKING:
    import datetime as dt

    from dialogari.agent.speech.rules import Rule

_MONTH_FIRST: Final = frozenset({"US", "PH", "PR", "GU", "VI"})

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_SHORT_MONTHS: Final = {name[:3]: name for name in _MONTHS if name != "May"} | {"Sept": "September"}
_WEEKDAYS: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
_SHORT_DAYS: Final = {name[:3]: name for name in _WEEKDAYS} | {
    "Tues": "Tuesday", "Weds": "Wednesday", "Thur": "Thursday", "Thurs": "Thursday",
}  # fmt: skip

_SIGNS: Final = Signs({
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", ":": "colon", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", "+": "plus", "~": "tilde", "@": "at",
    ",": "comma",
})  # fmt: skip

_CENT: Final = Noun("cent", "cents")
_DOLLAR: Final = Currency(Noun("dollar", "dollars"), _CENT)
_EURO: Final = Currency(Noun("euro", "euros"), _CENT)
_POUND: Final = Currency(Noun("pound", "pounds"), Noun("penny", "pence"))
_YEN: Final = Currency(Noun("yen", "yen"))
_PESO: Final = Currency(Noun("peso", "pesos"), Noun("centavo", "centavos"))


def _dollars_of(country: str) -> Currency:
    return Currency(Noun(f"{country} dollar", f"{country} dollars"), _CENT)


_CURRENCIES: Final = {
    "$": _DOLLAR, "US$": _DOLLAR, "USD": _DOLLAR, "€": _EURO, "EUR": _EURO, "£": _POUND,
    "GBP": _POUND, "¥": _YEN, "JPY": _YEN, "MX$": _PESO, "MXN": _PESO,
    "CA$": _dollars_of("Canadian"), "CAD": _dollars_of("Canadian"),
    "A$": _dollars_of("Australian"), "AUD": _dollars_of("Australian"),
    "CHF": Currency(Noun("Swiss franc", "Swiss francs")), "₹": Currency(Noun("rupee", "rupees")),
    "¢": Currency(_CENT),
}  # fmt: skip

_UNITS: Final = {
    "%": Noun("percent", "percent"),
    "°C": Noun("degree Celsius", "degrees Celsius"),
    "ºC": Noun("degree Celsius", "degrees Celsius"),
    "°F": Noun("degree Fahrenheit", "degrees Fahrenheit"), "°": Noun("degree", "degrees"),
    "km": Noun("kilometer", "kilometers"), "m": Noun("meter", "meters"),
    "cm": Noun("centimeter", "centimeters"), "mm": Noun("millimeter", "millimeters"),
    "kg": Noun("kilogram", "kilograms"), "g": Noun("gram", "grams"),
    "mg": Noun("milligram", "milligrams"), "l": Noun("liter", "liters"),
    "L": Noun("liter", "liters"), "ml": Noun("milliliter", "milliliters"),
    "mL": Noun("milliliter", "milliliters"), "cl": Noun("centiliter", "centiliters"),
    "m²": Noun("square meter", "square meters"), "m2": Noun("square meter", "square meters"),
    "m³": Noun("cubic meter", "cubic meters"), "m3": Noun("cubic meter", "cubic meters"),
    "km²": Noun("square kilometer", "square kilometers"),
    "km/h": Noun("kilometer per hour", "kilometers per hour"),
    "kph": Noun("kilometer per hour", "kilometers per hour"),
    "mph": Noun("mile per hour", "miles per hour"), "mi": Noun("mile", "miles"),
    "ft": Noun("foot", "feet"), "yd": Noun("yard", "yards"), "lb": Noun("pound", "pounds"),
    "lbs": Noun("pound", "pounds"), "oz": Noun("ounce", "ounces"),
    "sq ft": Noun("square foot", "square feet"), "h": Noun("hour", "hours"),
    "hr": Noun("hour", "hours"), "hrs": Noun("hour", "hours"), "min": Noun("minute", "minutes"),
    "mins": Noun("minute", "minutes"), "sec": Noun("second", "seconds"),
    "KB": Noun("kilobyte", "kilobytes"), "MB": Noun("megabyte", "megabytes"),
    "GB": Noun("gigabyte", "gigabytes"), "TB": Noun("terabyte", "terabytes"),
    "Mbps": Noun("megabit per second", "megabits per second"),
    "kWh": Noun("kilowatt hour", "kilowatt hours"), "kW": Noun("kilowatt", "kilowatts"),
    "Hz": Noun("hertz", "hertz"), "MHz": Noun("megahertz", "megahertz"),
    "GHz": Noun("gigahertz", "gigahertz"),
}  # fmt: skip

_PER: Final = {
    **{each: f"per {each}" for each in (
        "hour", "day", "night", "week", "month", "quarter", "year", "person", "user", "unit",
        "item", "room", "visit", "session", "minute", "call", "piece",
    )},
    "h": "per hour", "hr": "per hour", "wk": "per week", "mo": "per month", "yr": "per year",
    "kg": "per kilogram", "l": "per liter", "km": "per kilometer", "min": "per minute",
    "lb": "per pound", "m²": "per square meter", "kWh": "per kilowatt hour",
    "GB": "per gigabyte", "pp": "per person",
}  # fmt: skip

_MAGNITUDES: Final = {
    "k": "thousand", "K": "thousand", "thousand": "thousand", "M": "million", "mn": "million",
    "million": "million", "B": "billion", "bn": "billion", "billion": "billion",
}  # fmt: skip

_TELEPHONE: Final = Telephone(
    plus="plus",
    extension="extension",
    cues="call|calling|phone|telephone|tel|mobile|cell|fax|whatsapp|dial|text|ring|phone number",
)

_SYMBOLS: Final = Symbols(
    between={"&": "and", "+": "plus", "=": "equals"},
    numbers={"<": "less than", ">": "greater than", "≤": "at most", "≥": "at least",
             "×": "times", "x": "by", "+": "plus", "=": "equals", "*": "times",
             "÷": "divided by", "±": "plus or minus"},
    before={"~": "about", "≈": "about", "#": "number", "±": "plus or minus", "≥": "at least",
            "≤": "at most", ">": "more than", "<": "less than"},
    to="to",
    spans="days?|nights?|weeks?|months?|years?|hours?|minutes?|seconds?|people|persons|guests"
    "|business|working|miles|times|percent|years-old",
)  # fmt: skip

_FIXED: Final = {
    "e.g.": "for example", "eg.": "for example", "i.e.": "that is", "vs.": "versus",
    "dept.": "department", "apt.": "apartment", "incl.": "including", "tel.": "telephone",
    "bldg.": "building",
}  # fmt: skip
_SLASHED: Final = {"w/o": "without", "and/or": "and or", "24/7": "24 7"}
_ENDING: Final = {
    "etc.": "et cetera", "approx.": "approximately", "appt.": "appointment",
    "govt.": "government", "hrs.": "hours", "mins.": "minutes", "ave.": "avenue",
    "blvd.": "boulevard",
}  # fmt: skip
_TITLES: Final = {
    "Dr.": "Doctor", "Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miz", "Prof.": "Professor",
    "Rev.": "Reverend", "Capt.": "Captain", "Sgt.": "Sergeant", "Lt.": "Lieutenant",
    "Gov.": "Governor", "Sen.": "Senator", "Mt.": "Mount", "Ft.": "Fort",
}  # fmt: skip
_STREETS: Final = {"Rd.": "Road", "Ln.": "Lane", "Hwy.": "Highway"}
_BEFORE_NUMBER: Final = {
    "p.": "page", "pp.": "pages", "ch.": "chapter",
    "vol.": "volume", "fig.": "figure", "sec.": "section", "rm.": "room", "fl.": "floor",
}  # fmt: skip

_CLOCK: Final = r"(\d{1,2}):([0-5]\d)(?::[0-5]\d)?(?:\s?([AaPp])(?:\.\s?[Mm]\b\.?|\s?[Mm]\b))?"
_HOUR: Final = r"(\d{1,2})()\s?([AaPp])(?:\.\s?[Mm]\b\.?|\s?[Mm]\b)"
_NOON, _DAY = 12, 24


def rules(region: str) -> tuple[Rule, ...]:
    """Return the rules of English; `region` is two capitals such as GB, or empty."""
    counting = Counting(
        decimal=".",
        count=_count,
        minus="minus",
        to="to",
        cents_with="and",
        currencies=_CURRENCIES,
        magnitudes=_MAGNITUDES,
        per=_PER,
        units=_UNITS,
    )
    return (
        *address_rules(_SIGNS),
        *_calendar(month_first=region in _MONTH_FIRST if region else None),
        *_clock_rules(),
        *amount_rules(counting),
        *telephone_rules(_TELEPHONE),
        roman_rule(
            "chapter|volume|part|phase|act|section|article|appendix|world war|stage", least=2
        ),
        *_abbreviations(),
        *symbol_rules(_SYMBOLS),
    )


def _count(number: Number, noun: Noun) -> str:
    return f"{number.written} {noun.one if number.is_one else noun.many}"


def _say_date(date: dt.date) -> str:
    return f"{_MONTHS[date.month - 1]} {date.day}, {date.year}"


def _calendar(*, month_first: bool | None) -> tuple[Rule, ...]:
    months, days = one_of(_SHORT_MONTHS), one_of(_SHORT_DAYS)

    def say_month_first(match: re.Match[str]) -> str:
        return _SHORT_MONTHS[match[1]]

    def say_day_first(match: re.Match[str]) -> str:
        return f"{match[1]} {_SHORT_MONTHS[match[2]]}"

    def say_days(match: re.Match[str]) -> str:
        first, last = _SHORT_DAYS.get(match[1], match[1]), _SHORT_DAYS.get(match[2], match[2])
        return f"{first} to {last}"

    def say_day(match: re.Match[str]) -> str:
        return _SHORT_DAYS[match[1]]

    day = rf"{days}|{one_of(_WEEKDAYS)}"
    return (
        *date_rules(month_first, _say_date),
        rule(rf"\b({months})\b\.?(?=\s\d)", say_month_first, DIGITS, rf"(?:{months})\.?\s\d"),
        rule(
            rf"(?<!\d )\b(\d{{1,2}}(?:st|nd|rd|th)?)[ -]({months})\b(?:\.(?=\s[\da-z]))?",
            say_day_first,
            DIGITS,
            rf"\d(?:st|nd|rd|th)?[ -](?:{months})",
        ),
        rule(rf"\b({day})\b\.?{RANGE}({day})\b(?:\.(?!\s[A-Z]|$))?", say_days, "-–—"),
        rule(
            rf"\b({days})\b\.?(?=,?\s(?:\d|{one_of(_MONTHS)})|:)",
            say_day,
            DIGITS,
            rf"(?:{days})[.,: ]",
        ),
    )


def _clock_rules() -> tuple[Rule, ...]:
    time = rf"(?:{_CLOCK}|{_HOUR})"

    def say(match: re.Match[str]) -> str | None:
        first = _say_time(match.groups()[:6])
        if first is None:
            return None
        if match[7] or match[10]:
            second = _say_time(match.groups()[6:12])
            return None if second is None else f"{first} to {second}{final_stop(match)}"
        return first + final_stop(match)

    def say_bare(match: re.Match[str]) -> str:
        return f"{match[1]} to "

    return (
        rule(
            rf"(?<![\w.,:/-])(\d{{1,2}}){RANGE}(?=\d{{1,2}}(?::\d\d)?\s?[AaPp]\.?[Mm]\b)",
            say_bare,
            "-–—",
        ),
        rule(
            rf"(?<![\w.,:/])(?<!\d-){time}(?:{RANGE}{time})?(?![\w:]|[.,]\d)",
            say,
            ":aApP",
            r"\d(?::\d\d|\s?[AaPp]\.?\s?[Mm])",
        ),
    )


def _say_time(groups: tuple[str | None, ...]) -> str | None:
    clock = groups[0] is not None
    hours, minutes, half = groups[:3] if clock else groups[3:]
    written, hour = hours or "", int(hours or 0)
    if hour >= _DAY or (half and not 1 <= hour <= _NOON):
        return None
    past = f":{minutes}" if minutes and minutes != "00" else ""
    if half:
        return f"{hour}{past} {half.upper()}M"
    if hour > _NOON or hour == 0 or len(written) > len(str(hour)):
        return f"{(hour - 1) % _NOON + 1}{past} {'PM' if hour >= _NOON else 'AM'}"
    return f"{hour}{past}" if past else f"{hour} o'clock"


def _abbreviations() -> tuple[Rule, ...]:
    def say_st(match: re.Match[str]) -> str | None:
        if match[1]:
            return f"{match[1]}Street{final_stop(match)}"
        following = match.string[match.end() : match.end() + 2]
        return "Saint" if following[:1] == " " and following[1:].isupper() else None

    edge = r"(?<![\w./])"
    return (
        words(_SLASHED, rf"{edge}({{words}})(?![\w/])", re.IGNORECASE, needs="/"),
        words(_FIXED, rf"{edge}({{words}})(?!\w)", re.IGNORECASE),
        words(_ENDING, rf"{edge}({{words}})(?!\w)", re.IGNORECASE, before_capital=True),
        words(_TITLES, r"(?<![\w.])({words})(?=\s[A-Z])"),
        words(_STREETS, r"(?<=[a-z\d] )({words})(?!\w)", before_capital=True),
        rule(r"(?<![\w.])((?:(?!Saint\b)[A-Z\d][\w'’]{0,30}+\s)?)St\.", say_st, ".", r"St\."),
        # At the start of a sentence it may be the answer "no".
        rule(r"(?<=[\w,:] )[Nn]o\.\s?(?=\d)", lambda _: "number ", ".", r"[Nn]o\.\s?\d"),
        words(_BEFORE_NUMBER, r"(?<![\w.])({words})(?=\s?\d)", re.IGNORECASE),
    )
