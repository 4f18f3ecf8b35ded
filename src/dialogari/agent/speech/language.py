"""Which language's rules a tag such as `es-MX` means."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dialogari.agent.speech import english, spanish
from dialogari.agent.speech.rules import apply

if TYPE_CHECKING:
    from dialogari.agent.speech.rules import Rule

_TAG: Final = re.compile(
    r"\s*([a-z]{2,3}|english|spanish|español|castellano|inglés)(?:[-_][a-z]{4})?"
    r"(?:[-_]([a-z]{2}|\d{3}))?(?:[-_.@].*)?\s*",
    re.IGNORECASE | re.DOTALL,
)


def say_in(language: str | None, text: str) -> str:
    """Return a plain text with what voices read badly written out in words.

    Args:
        language: A tag such as `en`, `es-MX` or `es_ES`; of any other language, or of None, the
            text comes back as it is.
        text: Without Markdown.
    """
    return apply(_find_rules(language), text) if language else text


@lru_cache(maxsize=64)
def _find_rules(language: str) -> tuple[Rule, ...]:
    match = _TAG.fullmatch(language)
    if match is None:
        return ()
    region = (match[2] or "").upper()
    match match[1].lower():
        case "en" | "eng" | "english" | "inglés":
            return english.rules(region)
        case "es" | "spa" | "spanish" | "español" | "castellano":
            return spanish.rules(region)
        case _:
            return ()
