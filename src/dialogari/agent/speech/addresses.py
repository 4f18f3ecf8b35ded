"""Addresses of the Internet: e-mail, web pages and IP numbers, sign by sign.

The scheme and `www.` go, as people leave them out. Without either, a name counts as an address
only by an ending that is common and no word's; any other name with a dot stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dialogari.agent.speech.rules import rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dialogari.agent.speech.rules import Rule

_ENDINGS: Final = (
    "com|org|net|edu|gov|gob|info|biz|es|mx|ar|cl|pe|uk|eu|io|ai|app|dev|cat|shop|online|tel"
)
_MAIL: Final = (
    r"(?<![\w.+@-])[\w.+-]{1,64}+@(?:[^\W_](?:[\w-]{0,62}+)\.){1,8}[^\W\d_]{2,24}+(?![\w@])"
)
_PAGE: Final = r"(?<![\w@])(?:https?://|ftp://|www\.)[^\s<>\"“”«»]{1,500}+"
_NAME: Final = (
    rf"(?<![\w@.:/-])(?:[A-Za-z0-9][A-Za-z0-9-]{{0,62}}+\.){{1,6}}(?:{_ENDINGS})"
    r"(?![\w-]|\.\w|@)(?:[/?#][^\s<>\"“”«»]{0,500}+)?+"
)
_NUMBERS: Final = (
    r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w]|\.\d)"
)
_PREFIX: Final = re.compile(r"(?:https?://|ftp://)?+(?:www\.)?+", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[^\W_]+|.", re.DOTALL)
_TRAILING: Final = ".,;:!?…'\"”’»*_"


@dataclass(frozen=True, slots=True)
class Signs:
    """How a language says the signs of an address."""

    names: Mapping[str, str]


def address_rules(signs: Signs) -> tuple[Rule, ...]:
    """Return the rules; e-mail comes first, because its end looks like a page's name."""

    def say_page(match: re.Match[str]) -> str:
        written, after = _cut_trailing(match[0])
        bare = _PREFIX.sub("", written, count=1).rstrip("/")
        return (_spell(bare, signs) or written) + after

    def say_plain(match: re.Match[str]) -> str:
        return _spell(match[0], signs)

    return (
        rule(_MAIL, say_plain, "@"),
        rule(_PAGE, say_page, "/.", r":(?<=[ps]:)//|w(?<=\bw)ww\.", re.IGNORECASE),
        rule(_NAME, say_page, ".", rf"\.(?:{_ENDINGS})"),
        rule(_NUMBERS, say_plain, ".", r"\d\.\d{1,3}\.\d"),
    )


def _cut_trailing(written: str) -> tuple[str, str]:
    """Part an address from the punctuation of the sentence around it."""
    end = len(written)
    while end and (written[end - 1] in _TRAILING or written[end - 1] in _lone_closers(written)):
        end -= 1
    return written[:end], written[end:]


def _lone_closers(written: str) -> str:
    """Return the closing brackets that belong to the sentence, as the address opens none."""
    return "".join(pair[1] for pair in ("()", "[]") if pair[0] not in written)


def _spell(address: str, signs: Signs) -> str:
    return " ".join(signs.names.get(token, token) for token in _TOKEN.findall(address))
