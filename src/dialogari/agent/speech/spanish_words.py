"""Spanish number words, where digits would be read wrongly: `un`, `veintiuna`, `tercer`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from unicode_rbnf import RbnfEngine

_LONGEST: Final = 6
"""Digits of the numbers that are spelled."""
_GENDERED: Final = 200
"""From here on hundreds have a gender: doscientos, doscientas."""
_LAST_ORDINAL: Final = 20
"""Beyond it people use the plain number."""
_SHORT: Final = frozenset({"er"})
_FEMININE: Final = frozenset({"ª", "ra", "da", "ta", "ma", "va", "na"})


@cache
def _open_engine() -> RbnfEngine:
    # Imported late: it costs as much as the rest of the speech together, and few answers need it.
    from unicode_rbnf import RbnfEngine  # noqa: PLC0415

    return RbnfEngine.for_language("es")


@cache
def _spell(number: int, ruleset: str) -> str:
    return _open_engine().format_number(number, ruleset_names=[ruleset]).text


def spell(digits: str, *, feminine: bool) -> str | None:
    """Return a whole number in words if its words change with the noun, else None."""
    if not 0 < len(digits) <= _LONGEST:
        return None
    number = int(digits)
    one = digits[-1] == "1" and digits[-2:] != "11"
    hundreds = feminine and number % 1000 >= _GENDERED
    if not one and not hundreds:
        return None
    gender = "feminine" if feminine else "masculine"
    return _spell(number, f"spellout-cardinal-{gender}")


def spell_ordinal(number: int, ending: str) -> str | None:
    """Return the ordinal that `1.º`, `2ª` or `3er` is; None where it would not be said as one."""
    if not 1 <= number <= _LAST_ORDINAL:
        return None
    if ending in _SHORT:
        return _spell(number, "spellout-ordinal-masculine-adjective")
    gender = "feminine" if ending in _FEMININE else "masculine"
    return _spell(number, f"spellout-ordinal-{gender}")
