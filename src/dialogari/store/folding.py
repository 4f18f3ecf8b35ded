"""Text as a search compares it: accents, case and the kinds of blanks make no difference."""

from __future__ import annotations

import unicodedata

MOST_WORDS = 8
"""Words of a search that count."""


def fold(text: str) -> str:
    """Return `text` in the one form that all its spellings have: `Facturación` is `facturacion`."""
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in apart if unicodedata.category(c) != "Mn")
    return " ".join(text.casefold().split())


def search_words(query: str) -> list[str]:
    """Return the words that a turn must have, all of them, to be found."""
    return fold(query.replace("\0", " ")).split()[:MOST_WORDS]
