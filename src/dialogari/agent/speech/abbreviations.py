"""Words whose stop may end no sentence, in English and Spanish together: a stream has both."""

from __future__ import annotations

from typing import Final

NEVER_LAST: Final = frozenset({
    "Apdo", "Arq", "Av", "Avd", "Avda", "Capt", "Cnel", "Ctra", "Dr", "Dra", "Dres", "Drs",
    "Dña", "EE", "Excma", "Excmo", "Fr", "Ft", "Gov", "Gral", "Hon", "Ilma", "Ilmo", "Ing",
    "Lic", "Lt", "Mr", "Mrs", "Ms", "Mt", "Mx", "Pl", "Plza", "Prof", "Profa", "Pza", "Rep",
    "Rev", "Sen", "Sgt", "Sr", "Sra", "Sras", "Sres", "Srta", "St", "Sta", "Sto", "Tel", "Tlf",
    "Ud", "Uds", "Urb", "Vd", "Vds", "cf", "ej", "tel", "telf", "teléf", "tfno", "tlf", "viz",
    "vs",
})  # fmt: skip
"""They stand before a name or in the middle of a sentence."""

BEFORE_NUMBER: Final = frozenset({
    "abr", "ago", "approx", "apr", "aprox", "apt", "art", "arts", "aug", "c.p", "cap", "caps",
    "ch", "dec", "dept", "dic", "dom", "ene", "ext", "feb", "fig", "figs", "fl", "fri", "int",
    "jan", "jue", "jul", "jun", "km", "lun", "mar", "mié", "mon", "n.º", "no", "nos", "nov",
    "nº", "núm", "núms", "oct", "p", "pp", "pág", "págs", "rm", "sat", "sec", "sep", "sept",
    "sun", "sáb", "thu", "thur", "thurs", "tue", "tues", "vie", "vol", "vols", "wed",
})  # fmt: skip
"""Abbreviations where a number follows, and words of their own elsewhere; in small letters."""

DOTTED_LAST: Final = frozenset({
    "A.M", "EE.UU", "P.M", "S.A", "S.L", "a.C", "a.m", "d.C", "p.m",
})  # fmt: skip
"""Of those with stops within, what often ends a sentence."""
