"""Spanish: its words and its rules, with what differs between its countries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dialogari.agent.speech.addresses import Signs, address_rules
from dialogari.agent.speech.amounts import Counting, Currency, Noun, amount_rules
from dialogari.agent.speech.dates import date_rules, to_date
from dialogari.agent.speech.numbers import RANGE, Number, read_number
from dialogari.agent.speech.roman import roman_rule
from dialogari.agent.speech.rules import DIGITS, final_stop, one_of, rule, words
from dialogari.agent.speech.spanish_clock import clock_rules
from dialogari.agent.speech.spanish_words import spell, spell_ordinal
from dialogari.agent.speech.symbols import Symbols, symbol_rules
from dialogari.agent.speech.telephone import Telephone, telephone_rules

if TYPE_CHECKING:
    import datetime as dt

    from dialogari.agent.speech.rules import Rule

_POINT_IS_DECIMAL: Final = frozenset(
    {"MX", "US", "PR", "GT", "HN", "NI", "SV", "PA", "DO", "PE", "419"}
)
_PESOS: Final = frozenset({"MX", "AR", "CL", "CO", "UY", "CU", "DO"})
"""Where `$` is a peso."""

_MONTHS: Final = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
    "octubre", "noviembre", "diciembre",
)  # fmt: skip
_SHORT_MONTHS: Final = {name[:3]: name for name in _MONTHS} | {"sept": "septiembre"}
_WEEKDAYS: Final = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
_SHORT_DAYS: Final = {name[:3]: name for name in _WEEKDAYS} | {
    "L": "lunes", "M": "martes", "X": "miércoles", "J": "jueves", "V": "viernes", "S": "sábado",
    "D": "domingo", "mie": "miércoles", "sab": "sábado",
}  # fmt: skip

_SIGNS: Final = Signs({
    ".": "punto", "/": "barra", "-": "guion", "_": "guion bajo", ":": "dos puntos",
    "?": "interrogación", "=": "igual", "&": "y", "#": "almohadilla", "%": "por ciento",
    "+": "más", "~": "virgulilla", "@": "arroba", ",": "coma",
})  # fmt: skip

_CENTIMO: Final = Noun("céntimo", "céntimos")
_CENTAVO: Final = Noun("centavo", "centavos")
_DOLLAR: Final = Currency(Noun("dólar", "dólares"), _CENTAVO)
_PESO: Final = Currency(Noun("peso", "pesos"), _CENTAVO)
_EURO: Final = Currency(Noun("euro", "euros"), _CENTIMO)
_POUND: Final = Currency(Noun("libra", "libras", feminine=True), Noun("penique", "peniques"))
_YEN: Final = Currency(Noun("yen", "yenes"))
_SOL: Final = Currency(Noun("sol", "soles"), _CENTIMO)
_COLON: Final = Currency(Noun("colón", "colones"), _CENTIMO)

_CURRENCIES: Final = {
    "US$": _DOLLAR, "USD": _DOLLAR, "€": _EURO, "EUR": _EURO, "£": _POUND, "GBP": _POUND,
    "¥": _YEN, "JPY": _YEN, "MX$": _PESO, "MXN": _PESO, "ARS": _PESO, "COP": _PESO, "CLP": _PESO,
    "UYU": _PESO, "S/": _SOL, "PEN": _SOL, "₡": _COLON, "CRC": _COLON,
    "R$": Currency(Noun("real", "reales"), _CENTAVO),
    "CHF": Currency(Noun("franco suizo", "francos suizos")),
}  # fmt: skip

_UNITS: Final = {
    "%": Noun("por ciento", "por ciento"),
    "°C": Noun("grado", "grados"), "ºC": Noun("grado", "grados"),
    "°F": Noun("grado Fahrenheit", "grados Fahrenheit"),
    "km": Noun("kilómetro", "kilómetros"), "m": Noun("metro", "metros"),
    "cm": Noun("centímetro", "centímetros"), "mm": Noun("milímetro", "milímetros"),
    "kg": Noun("kilo", "kilos"), "g": Noun("gramo", "gramos"), "gr": Noun("gramo", "gramos"),
    "mg": Noun("miligramo", "miligramos"), "l": Noun("litro", "litros"),
    "L": Noun("litro", "litros"), "ml": Noun("mililitro", "mililitros"),
    "cl": Noun("centilitro", "centilitros"), "m²": Noun("metro cuadrado", "metros cuadrados"),
    "m2": Noun("metro cuadrado", "metros cuadrados"),
    "m³": Noun("metro cúbico", "metros cúbicos"), "m3": Noun("metro cúbico", "metros cúbicos"),
    "km²": Noun("kilómetro cuadrado", "kilómetros cuadrados"),
    "km/h": Noun("kilómetro por hora", "kilómetros por hora"),
    "h": Noun("hora", "horas", feminine=True), "hs": Noun("hora", "horas", feminine=True),
    "hrs": Noun("hora", "horas", feminine=True), "min": Noun("minuto", "minutos"),
    "seg": Noun("segundo", "segundos"), "KB": Noun("kilobyte", "kilobytes"),
    "MB": Noun("megabyte", "megabytes"), "GB": Noun("gigabyte", "gigabytes"),
    "TB": Noun("terabyte", "terabytes"),
    "Mbps": Noun("megabit por segundo", "megabits por segundo"),
    "kWh": Noun("kilovatio hora", "kilovatios hora"), "kW": Noun("kilovatio", "kilovatios"),
    "Hz": Noun("hercio", "hercios"), "MHz": Noun("megahercio", "megahercios"),
    "GHz": Noun("gigahercio", "gigahercios"),
}  # fmt: skip

_PER: Final = {
    "hora": "por hora", "h": "por hora", "día": "al día", "dia": "al día", "noche": "por noche",
    "semana": "a la semana", "mes": "al mes", "trimestre": "al trimestre", "año": "al año",
    "persona": "por persona", "pers": "por persona", "usuario": "por usuario",
    "unidad": "por unidad", "ud": "por unidad", "sesión": "por sesión", "visita": "por visita",
    "minuto": "por minuto", "min": "por minuto", "kg": "el kilo", "l": "el litro",
    "litro": "el litro", "kilo": "el kilo", "km": "por kilómetro", "m²": "por metro cuadrado",
    "m2": "por metro cuadrado", "kWh": "por kilovatio hora", "GB": "por gigabyte",
}  # fmt: skip

_MAGNITUDES: Final = {
    "mil": "mil", "k": "mil", "K": "mil", "M": "millones de", "millones": "millones de",
    "millones de": "millones de", "mill.": "millones de", "millón": "millón de",
    "millón de": "millón de",
}  # fmt: skip

_TELEPHONE: Final = Telephone(
    plus="más",
    extension="extensión",
    cues="teléfono|teléfonos|telefono|tel|tfno|tlf|telf|móvil|movil|celular|fax|whatsapp|llame"
    "|llama|llamar|llamando|llámenos|llámanos|marque|marca|marcar|marcando|número de teléfono",
)

_SYMBOLS: Final = Symbols(
    between={"&": "y", "+": "más", "=": "igual a"},
    numbers={"<": "menor que", ">": "mayor que", "≤": "como máximo", "≥": "como mínimo",
             "×": "por", "x": "por", "+": "más", "=": "igual a", "*": "por",
             "÷": "entre", "±": "más menos"},
    before={"~": "aproximadamente", "≈": "aproximadamente", "#": "número",
            "±": "más menos", "≥": "como mínimo", "≤": "como máximo", ">": "más de",
            "<": "menos de"},
    to="a",
    spans="días?|noches?|semanas?|meses|mes|años?|horas?|minutos?|segundos?|personas?|veces"
    "|euros?|huéspedes|laborables|hábiles",
)  # fmt: skip

_FIXED: Final = {
    "p. ej.": "por ejemplo", "p.ej.": "por ejemplo", "tel.": "teléfono", "teléf.": "teléfono",
    "tfno.": "teléfono", "tlf.": "teléfono", "telf.": "teléfono", "avda.": "avenida",
    "avd.": "avenida", "pza.": "plaza", "plza.": "plaza", "ctra.": "carretera",
    "dpto.": "departamento", "depto.": "departamento", "urb.": "urbanización",
    "ud.": "usted", "uds.": "ustedes", "vd.": "usted", "vds.": "ustedes",
}  # fmt: skip
_SLASHED: Final = {"s/n": "sin número", "y/o": "y o", "24/7": "24 7"}
_ENDING: Final = {
    "etc.": "etcétera", "aprox.": "aproximadamente", "máx.": "máximo", "mín.": "mínimo",
    "dcha.": "derecha", "izda.": "izquierda", "izq.": "izquierda", "EE. UU.": "Estados Unidos",
    "EE.UU.": "Estados Unidos", "admón.": "administración", "hnos.": "hermanos",
}  # fmt: skip
_ERAS: Final = {
    "a. C.": "antes de Cristo", "d. C.": "después de Cristo", "a.C.": "antes de Cristo",
    "d.C.": "después de Cristo",
}  # fmt: skip
_TITLES: Final = {
    "Sr.": "señor", "Sra.": "señora", "Srta.": "señorita", "Sres.": "señores",
    "Sras.": "señoras", "Dr.": "doctor", "Dra.": "doctora", "Dña.": "doña",
    "Prof.": "profesor", "Profa.": "profesora", "Lic.": "licenciado",
    "Ing.": "ingeniero", "Arq.": "arquitecto", "Sto.": "santo", "Sta.": "santa", "Av.": "avenida",
    "Pl.": "plaza",
}  # fmt: skip
_BEFORE_NUMBER: Final = {
    "núm.": "número",
    "pág.": "página", "págs.": "páginas", "art.": "artículo", "cap.": "capítulo",
    "vol.": "volumen", "fig.": "figura", "apdo.": "apartado", "c.p.": "código postal",
    "km.": "kilómetro",
}  # fmt: skip
_MILLION: Final = "000000"
_LEAP_YEAR: Final = "2028"
"""Has every day there is."""


def rules(region: str) -> tuple[Rule, ...]:
    """Return the rules of Spanish; `region` is such as MX, ES or 419, or empty."""
    decimal = "." if region in _POINT_IS_DECIMAL else ","
    counting = Counting(
        decimal=decimal,
        count=_count,
        minus="menos",
        to="a",
        cents_with="con",
        currencies={"$": _PESO if region in _PESOS else _DOLLAR, **_CURRENCIES},
        magnitudes=_MAGNITUDES,
        per=_PER,
        units=_UNITS,
    )
    return (
        *address_rules(_SIGNS),
        rule(r"(?<![\w/])[Cc]/\s?(?=[A-ZÁÉÍÓÚÑ])", lambda _: "calle ", "/"),
        rule(r"(?<![\w.])[Nn]\.?[º°]\s?(?=\d)", lambda _: "número ", "º°"),
        *_calendar(),
        *clock_rules(),
        *amount_rules(counting),
        *telephone_rules(_TELEPHONE),
        roman_rule("siglo|capítulo|tomo|volumen|fase|artículo|título|anexo|parte|guerra", least=1),
        *_abbreviations(),
        *_ordinals(),
        *symbol_rules(_SYMBOLS),
    )


def _count(number: Number, noun: Noun) -> str:
    """Count in digits, but where a voice would miss the gender: `un euro`, `veintiuna horas`."""
    if number.fraction or noun.one == noun.many:
        return f"{number.written} {noun.many}"
    if number.whole.endswith(_MILLION) and number.whole != _MILLION:
        millions = read_number(number.whole.removesuffix(_MILLION), ",")
        return f"{_count(millions, Noun('millón', 'millones'))} de {noun.many}"
    said = spell(number.whole, feminine=noun.feminine) or number.written
    return f"{said} {noun.one if number.is_one else noun.many}"


def _say_date(date: dt.date) -> str:
    return f"{date.day} de {_MONTHS[date.month - 1]} de {date.year}"


def _calendar() -> tuple[Rule, ...]:
    months = one_of(_SHORT_MONTHS)

    def say_month(match: re.Match[str]) -> str:
        year = f" de {match[3]}" if match[3] else final_stop(match)
        return f"{match[1]} de {_SHORT_MONTHS[match[2].lower()]}{year}"

    def say_days(match: re.Match[str]) -> str:
        first, last = (_SHORT_DAYS.get(each, each) for each in match.groups())
        return f"{_SHORT_DAYS.get(first.lower(), first)} a {_SHORT_DAYS.get(last.lower(), last)}"

    def say_short_date(match: re.Match[str]) -> str | None:
        date = to_date(_LEAP_YEAR, match[2], match[1])
        return None if date is None else f"{date.day} de {_MONTHS[date.month - 1]}"

    day = rf"(?i:{one_of(each for each in _SHORT_DAYS if len(each) > 1)}|{one_of(_WEEKDAYS)})"
    letter = "[LMXJVSD]"
    return (
        *date_rules(month_first=False, say_date=_say_date),
        rule(r"(?<=\b[Ee]l )(\d{1,2})/(\d{1,2})(?![\w/]|[.,-]\d)", say_short_date, "/", r"\d/\d"),
        rule(
            rf"(?<!\d )\b(\d{{1,2}})(?: de | |-)({months})\b\.?(?:(?: de | |-)(\d{{4}})\b)?",
            say_month,
            DIGITS,
            rf"\d(?: de | |-)(?:{months})",
            re.IGNORECASE,
        ),
        rule(rf"\b({day})\b\.?{RANGE}({day})\b(?:\.(?!\s|$))?", say_days, "-–—"),
        rule(rf"(?<![\w/.-])({letter}){RANGE}({letter})(?![\w/-]|\.\w)", say_days, "-–—"),
    )


def _abbreviations() -> tuple[Rule, ...]:
    capital = "[A-ZÁÉÍÓÚÑ]"
    edge = r"(?<![\w./])"
    return (
        words(_SLASHED, rf"{edge}({{words}})(?![\w/])", re.IGNORECASE, needs="/"),
        words(_FIXED, rf"{edge}({{words}})(?!\w)", re.IGNORECASE),
        words(_ENDING, rf"{edge}({{words}})(?!\w)", re.IGNORECASE, before_capital=True),
        words(_ERAS, r"(?<=\d )({words})(?!\w)", before_capital=True),
        words(_TITLES, rf"(?<![\w.])({{words}})(?=\s{capital})"),
        # At the start of a sentence it may be the answer "no".
        rule(r"(?<=[\w,:] )[Nn]o\.\s?(?=\d)", lambda _: "número ", ".", r"[Nn]o\.\s?\d"),
        words(_BEFORE_NUMBER, r"(?<![\w.])({words})(?=\s?\d)", re.IGNORECASE),
    )


def _ordinals() -> tuple[Rule, ...]:
    def say(match: re.Match[str]) -> str | None:
        return spell_ordinal(int(match[1]), match[2].lower())

    endings = "[ºª]|er|r[oa]|d[oa]|t[oa]|m[oa]|v[oa]|n[oa]"
    return (
        rule(rf"(?<![\w.,])(\d{{1,2}})\.?({endings})(?!\w)", say, DIGITS, rf"\d\.?(?:{endings})"),
    )
