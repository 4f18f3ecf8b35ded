"""An answer made fit to be spoken while the model is still writing it, sentence by sentence.

Each sentence of the Markdown is made speakable on its own. What reaches over more than one of them
is kept here: a code fence, and the rows of a table. Emphasis that one sentence opens and another
closes leaves a lone mark in each, which goes as every lone mark does.

Limits: HTML comments over several lines, tables whose rows don't begin with `|`, links whose text
is longer than a bracket is waited for, and a sentence cut for its length within inline code.
"""

from __future__ import annotations

import re
from typing import Final

from dialogari.agent.speech.language import say_in
from dialogari.agent.speech.markdown import strip_markdown, tidy
from dialogari.agent.speech.sentences import Sentences

_FENCE: Final = re.compile(r"(`{3,}|~{3,})([^`]*)")
_RULER: Final = re.compile(r"[|:\s-]*-[|:\s-]*")
_CLOSING: Final = re.compile(r"(?<=[.!?…)\]»”\"'])[*_]{1,3}$")
"""Emphasis that an earlier sentence opened and this one closes after its stop."""
_BAR: Final = re.compile(r"(?<!\\)\|")


class SpokenPieces:
    """One answer; feed it what the model writes, and flush it at the end."""

    def __init__(self, language: str | None = None) -> None:
        self._language = language
        self._sentences = Sentences()
        self._fence = ""
        """What opened the code that the text is in."""

    def feed(self, delta: str) -> list[str]:
        """Return what can be spoken now: whole sentences, in the language given, none empty."""
        return self._say(self._sentences.feed(delta))

    def flush(self) -> list[str]:
        """Return the rest."""
        return self._say(self._sentences.flush())

    def _say(self, sentences: list[str]) -> list[str]:
        spoken = (say_in(self._language, self._strip(sentence)) for sentence in sentences)
        return [piece for piece in spoken if any(map(str.isalnum, piece))]

    def _strip(self, sentence: str) -> str:
        fence = _FENCE.fullmatch(sentence)
        if self._fence:
            if fence and fence[1].startswith(self._fence) and not fence[2].strip():
                self._fence = ""
                return ""
            return tidy(sentence)
        if fence:
            self._fence = fence[1]
            # As in a whole answer: one word names a language.
            return tidy(fence[2]) if len(fence[2].split()) > 1 else ""
        if sentence.startswith("|"):
            return _strip_row(sentence)
        return _CLOSING.sub("", strip_markdown(sentence))


def _strip_row(row: str) -> str:
    """Strip one row of a table, which is no table to a parser without a ruler below it."""
    if _RULER.fullmatch(row):
        return ""
    cells = len(_BAR.findall(row.strip().strip("|"))) + 1
    return strip_markdown(f"{row}\n|{'-|' * cells}")
