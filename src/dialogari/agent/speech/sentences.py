"""Sentences of a text that arrives in pieces, each as soon as it is certain where it ends.

A stop ends a sentence by what stands around it: the word before (`Dr.`, `p. ej.`, `J.`, the number
of a list), the brackets it is in, and the first sign after the blank behind it, so that a sentence
is known one character after that blank. Where sentences end depends on the text alone and not on
how it was cut into pieces, and every wait for more text is bounded.

In doubt a sentence goes on: two read as one are heard as two, half a one is heard as a mistake.
So none begins with a small letter, and none ends at a single letter or within brackets.

Why not a library: two take a stream, `sentence-stream` and `stream2sentence`, and get 108 and 119
of the 162 texts of our table right (pysbd 117, sentencex 112, nupunkt 104, none of them on a
stream). They part `p. ej.`, `Avda.` and list numbers, or wait for a whole line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dialogari.agent.speech.abbreviations import BEFORE_NUMBER, DOTTED_LAST, NEVER_LAST

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST: Final = 280
"""Characters after which a sentence without a stop is cut, at a comma or a blank."""
_LONGEST_WORD: Final = 4 * LONGEST
"""Where even a text without a blank is cut."""
_BRACKETED: Final = 200
"""How long an open bracket keeps a sentence together; it may be a lone one."""
_BEFORE: Final = 24
"""Characters before a stop that can tell an abbreviation."""

_FULL_WIDTH: Final = "\u3002\uff01\uff1f"
"""Stops of Chinese and Japanese, which put no blank after them."""
_MARK: Final = re.compile(rf"[\n()\[\].!?…؟।{_FULL_WIDTH}]")
_STOP: Final = re.compile(
    rf"(?P<stops>[.!?…؟।{_FULL_WIDTH}]{{1,16}}+)(?P<closers>[)\]»”’\"'」』）*_`~]{{0,8}}+)"
    r"(?P<blank>[^\S\n]{0,16}+)(?P<openers>[(\[«“‘\"'*_`~]{0,6}+)"
)
_CLAUSE: Final = re.compile(r"[,;:)—–](?=\s)|[，、；：]")
_BLANK: Final = re.compile(r"\s")
_LIST_MARKS: Final = " \t>*+-#"
_EDGES: Final = "([«“‘\"'¿¡*_`~"

_DOTTED: Final = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")
_SPACED: Final = re.compile(r"(?:^|\s)(?:[apAP]\. ?[mM]|[ad]\. ?C)$")
_UNIT: Final = re.compile(r"\d\s?[ghlmst]$")


class Sentences:
    """Cuts one text; feed it the pieces in order, and flush it at the end."""

    def __init__(self) -> None:
        self._text = ""
        self._start = 0
        """Of the sentence in hand."""
        self._at = 0
        """What is before this has been looked at."""
        self._opened: list[int] = []
        self._at_line = True
        """The sentence in hand began with its line."""

    def feed(self, text: str) -> list[str]:
        """Return the sentences that this piece of the text completes, without blanks around."""
        self._text += text
        sentences = [*self._cut(ended=False)]
        self._text = self._text[self._start :]
        self._opened = [place - self._start for place in self._opened]
        self._at -= self._start
        self._start = 0
        return sentences

    def flush(self) -> list[str]:
        """Return the rest, and begin anew."""
        sentences = [*self._cut(ended=True), self._text[self._start :].strip()]
        self.__init__()
        return [sentence for sentence in sentences if sentence]

    def _cut(self, *, ended: bool) -> Iterator[str]:
        while (end := self._find_end(ended=ended)) is not None:
            sentence = self._text[self._start : end].strip()
            self._at_line = self._text[end - 1] == "\n"
            self._start = self._at = end
            self._opened.clear()
            if sentence:
                yield sentence

    def _find_end(self, *, ended: bool) -> int | None:
        """Return where the sentence in hand ends, or None where more text must tell."""
        while True:
            bound = min(len(self._text), self._start + _LONGEST_WORD + 1)
            mark = _MARK.search(self._text, self._at, bound)
            at = mark.start() if mark else bound
            if (cut := self._cut_long(at)) is not None:
                return cut
            if mark is None:
                self._at = at
                return None
            if mark[0] == "\n":
                return at + 1
            if mark[0] in "()[]":
                self._note_bracket(at)
                self._at = at + 1
                continue
            stop = _STOP.match(self._text, at)
            if stop is None or (stop.end() == len(self._text) and not ended):
                return None
            if self._is_end(stop):
                return stop.end("closers")
            self._at = stop.end("stops")

    def _note_bracket(self, at: int) -> None:
        if self._text[at] not in "([":
            if self._opened:
                self._opened.pop()
        elif self._text[max(0, at - 1) : at] not in (":", ";", "-", "="):  # a sad face
            self._opened.append(at)

    def _is_end(self, stop: re.Match[str]) -> bool:
        text, stops = self._text, stop["stops"]
        closing = sum(closer in ")]" for closer in stop["closers"])
        opened = self._opened[: len(self._opened) - closing]
        if self._in_table() or (opened and stop.start() - opened[-1] <= _BRACKETED):
            return False
        if stops[-1] in _FULL_WIDTH:
            return True
        following = text[stop.end() : stop.end() + 1]
        if not stop["blank"] and following:
            return following in "¿¡\n" and (following == "\n" or stops[-1] in "!?…")
        if following.islower():
            return False
        return stops != "." or not self._is_abbreviation(stop.start(), following)

    def _in_table(self) -> bool:
        return self._at_line and self._text[self._start : self._start + 4].lstrip(" ")[:1] == "|"

    def _is_abbreviation(self, at: int, following: str) -> bool:
        begin = max(self._start, at - _BEFORE)
        before = self._text[begin:at]
        word = before.split()[-1].lstrip(_EDGES) if before.strip() else ""
        if _SPACED.search(before):
            return bool(following) and not (following.isupper() or following in "¿¡")
        if word.isdigit():
            lead = self._text[self._start : at - len(word)]
            return self._at_line and not lead.strip(_LIST_MARKS)
        if following.isdigit() and word.lower() in BEFORE_NUMBER:
            return True
        if _DOTTED.fullmatch(word):
            return word not in DOTTED_LAST
        if len(word) == 1 and word.isalpha():
            return not _UNIT.search(before)
        return word in NEVER_LAST or word.lower() in NEVER_LAST

    def _cut_long(self, at: int) -> int | None:
        """Return where to cut a sentence that goes on beyond LONGEST; `at` is its next mark."""
        limit = self._start + LONGEST
        if at <= limit:
            return None
        window = self._text[self._start : limit]
        clauses = [match.end() for match in _CLAUSE.finditer(window, LONGEST // 3)]
        if clauses:
            return self._start + clauses[-1]
        blanks = [match.end() for match in _BLANK.finditer(window) if match.start()]
        apart = [end for end in blanks if not _parts_number(window, end)]
        if blanks:
            return self._start + (apart or blanks)[-1]
        blank = _BLANK.search(self._text, limit, min(at, self._start + _LONGEST_WORD))
        if blank:
            return blank.end()
        return self._start + _LONGEST_WORD if at > self._start + _LONGEST_WORD else None


def _parts_number(window: str, end: int) -> bool:
    return window[end - 2].isdigit() and window[end : end + 1].isdigit()
