"""A rule: what is recognised in a plain text and how it is said instead.

A language is a row of rules. Each looks at the text that the ones before have left, so what a rule
writes is nothing that any rule recognises: that is what makes saying a text twice the same as
saying it once (heaps of signs such as `€ $ 5` aside). Every pattern takes time linear in the
text: repetitions are bounded or possessive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Say = Callable[[re.Match[str]], str | None]
    """Returns what is said instead of a match; None leaves it as it is."""

DIGITS: Final = "0123456789"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is recognised."""

    pattern: re.Pattern[str]
    say: Say
    needs: frozenset[str]
    """Characters one of which is in every match: without them the search is not begun."""
    hint: re.Pattern[str] | None = None
    """What every match has in it, found faster: most texts hold nothing for most of the rules."""


def rule(
    pattern: str, say: Say, needs: str, hint: str = "", flags: re.RegexFlag = re.NOFLAG
) -> Rule:
    """Return a rule from its patterns as text.

    A hint is fast where it begins with a character or a class of them: looking behind comes after.
    """
    quick = re.compile(hint, flags) if hint else None
    return Rule(re.compile(pattern, flags), say, frozenset(needs), quick)


def apply(rules: Iterable[Rule], text: str) -> str:
    """Return the text as the rules, in their order, say it."""
    present = frozenset(text)
    for each in rules:
        if not present.isdisjoint(each.needs) and (each.hint is None or each.hint.search(text)):
            say = each.say
            text = each.pattern.sub(lambda match, say=say: _instead(match, say(match)), text)
    return text


def _instead(match: re.Match[str], said: str | None) -> str:
    return match[0] if said is None else said


def one_of(words: Iterable[str]) -> str:
    """Return a pattern of these words, the longer ones first."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def final_stop(match: re.Match[str], *, before_capital: bool = True) -> str:
    """Return the full stop that an abbreviation at the end of its sentence was, too.

    Args:
        match: Of the abbreviation and its own stop.
        before_capital: Whether a capital after it begins a sentence, and is no name it stands by.
    """
    if not match[0].endswith("."):
        return ""
    rest = match.string[match.end() : match.end() + 2]
    if not rest.strip(" ") or rest[0] == "\n":
        return "."
    opens = rest[0] == " " and (rest[1].isupper() or rest[1] in "¿¡")
    return "." if before_capital and opens else ""


def words(
    table: Mapping[str, str],
    pattern: str,
    flags: re.RegexFlag = re.NOFLAG,
    *,
    needs: str = ".",
    before_capital: bool = False,
) -> Rule:
    """Return the rule for abbreviations.

    Args:
        table: What is said, by what is written.
        pattern: Has `{words}` as its first group.
        flags: Of the pattern.
        needs: A sign that all of them have; by default all of them end with a stop.
        before_capital: As of `final_stop`.
    """
    said = {key.lower(): value for key, value in table.items()}

    def say(match: re.Match[str]) -> str:
        stop = final_stop(match, before_capital=before_capital)
        return _like(match[1], said[match[1].lower()]) + stop

    hint = rf"\.(?:{'|'.join(f'(?<={re.escape(key)})' for key in table)})" if needs == "." else ""
    return rule(pattern.replace("{words}", one_of(table)), say, needs, hint, flags)


def _like(written: str, said: str) -> str:
    """Begin with a capital where the abbreviation did, at the start of a sentence."""
    return said[0].upper() + said[1:] if written[0].isupper() else said
