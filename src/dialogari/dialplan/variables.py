"""What a dialplan reads after a turn: AI_RESPONSE, AI_STATUS and the rest, built without I/O.

A dialplan puts AI_RESPONSE into arguments of applications, where Asterisk gives quotes, brackets,
semicolons and dollar signs a meaning, and it reads at most 4,095 bytes of a variable, cut at any
byte (measured). So an answer is made safe first and then split into parts, each of them safe and
short enough. Commas stay, because speech needs them: the samples quote.

Everything here is linear in the length of the answer, which a model is free to make absurd.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from dialogari.telephone import Decision
from dialogari.turn import Side, Status

if TYPE_CHECKING:
    from dialogari.turn import TurnResponse

PART_BYTES: Final = 4000
"""The longest part, in bytes of UTF-8."""
PARTS: Final = 8

_TO_NOTHING: Final = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), *map(ord, '"`{}$')], "")
_TO_BLANK: Final = dict.fromkeys(map(ord, "\t\n\v\f\r\x85\u2028\u2029\\|<>"), " ")
_SAFE_CHARACTERS: Final = _TO_NOTHING | _TO_BLANK | {ord(";"): ","}

_BRACKET: Final = re.compile(r"[()\[\]]")
_OPENER: Final = {")": "(", "]": "["}

_FULL_WIDTH_ENDS: Final = "\u3002\uff01\uff1f"
"""Of Chinese and Japanese, which put no blank after them."""
_SENTENCE_ENDS: Final = tuple(".!?…" + _FULL_WIDTH_ENDS)
_CLOSERS: Final = ")]»”\u2019'"
_LONGEST_CLOSING: Final = 8
"""How far before a blank a sentence's closing punctuation is looked for."""

_JOINER: Final = "\u200d"
_SKIN_TONES: Final = range(0x1F3FB, 0x1F400)
_TAGS: Final = range(0xE0020, 0xE0080)
_FLAG_LETTERS: Final = range(0x1F1E6, 0x1F200)


def make_safe(text: str) -> str:
    r"""Return the text fit to stand inside an application's argument in a dialplan.

    The result is valid UTF-8 on one line, without control characters, without any of
    ``" \ ` $ | < > ; { }`` and with every round and square bracket properly paired. Making a safe
    text safe changes nothing.
    """
    valid = text.encode("utf-8", "ignore").decode("utf-8")
    return _collapse(_drop_unpaired(valid.translate(_SAFE_CHARACTERS)))


def split_answer(text: str) -> list[str]:
    """Return the text made safe, in one to eight parts of at most 4,000 bytes.

    A part ends at a sentence where one ends in its second half, else at a blank, else between
    two characters as a reader sees them; a blank at the cut belongs to no part. The eighth ends
    at its last sentence; what lies beyond it is dropped. Brackets that a cut has parted go.
    """
    safe = make_safe(text)
    parts: list[str] = []
    start = 0
    while start < len(safe) and len(parts) < PARTS:
        window = _measure_window(safe, start)
        last = len(parts) == PARTS - 1
        cut = _find_cut(safe, start, window, start if last else (start + window) // 2)
        part = _collapse(_drop_unpaired(safe[start:cut]))
        if part:
            parts.append(part)
        start = cut + 1 if safe[cut : cut + 1] == " " else cut
    return parts or [""]


def response_variables(response: TurnResponse, latency: float) -> dict[str, str]:
    """Return every variable a turn writes, in the order to write them, AI_STATUS last.

    All of them are present every time, empty where unused, so that nothing of an earlier turn
    is read again; but for the facts, which are there when they are noted, and stay.

    Args:
        response: What came of the turn; when it isn't ok, its fallback text is what is spoken.
        latency: Seconds from StasisStart until now.
    """
    answered = response.status is Status.OK
    decision = response.decision if answered else Decision()
    parts = split_answer(response.text if answered else response.fallback_text)
    reason = "" if answered else make_safe(response.reason)
    return {
        "AI_RESPONSE": parts[0],
        **{
            f"AI_RESPONSE_{number}": parts[number - 1] if number <= len(parts) else ""
            for number in range(1, PARTS + 1)
        },
        "AI_RESPONSE_COUNT": str(len(parts)),
        "AI_ERROR": reason,
        "ARI_ERROR": reason if response.side is Side.ASTERISK else "",
        "SYSTEM_ERROR": reason if response.side is Side.SYSTEM else "",
        "AI_MODEL_USED": make_safe(response.model),
        "AI_LATENCY_MS": str(round(latency * 1000)),
        "AI_TURN": str(response.number) if response.number else "",
        "AI_ACTION": decision.action or "",
        "AI_ACTION_TARGET": make_safe(decision.target),
        "AI_MORE": "1" if response.more else "0",
        **{f"AI_FACT_{name}": make_safe(value) for name, value in decision.facts.items()},
        "AI_STATUS": response.status.value,
    }


def _collapse(text: str) -> str:
    return " ".join(text.split())


def _drop_unpaired(text: str) -> str:
    """Remove the brackets without a partner; of two crossing pairs the first to close stays."""
    unpaired: set[int] = set()
    opened: list[tuple[str, int]] = []
    waiting = {"(": 0, "[": 0}
    for match in _BRACKET.finditer(text):
        bracket, position = match[0], match.start()
        opener = _OPENER.get(bracket)
        if opener is None:
            opened.append((bracket, position))
            waiting[bracket] += 1
        elif not waiting[opener]:
            unpaired.add(position)
        else:
            found = ""
            while found != opener:
                found, place = opened.pop()
                waiting[found] -= 1
                if found != opener:
                    unpaired.add(place)
    unpaired.update(place for _, place in opened)
    if not unpaired:
        return text
    return "".join(letter for place, letter in enumerate(text) if place not in unpaired)


def _measure_window(text: str, start: int) -> int:
    """Return the end of the longest piece from start that fits into one part."""
    encoded = text[start : start + PART_BYTES].encode("utf-8")
    return start + len(encoded[:PART_BYTES].decode("utf-8", "ignore"))


def _find_cut(text: str, start: int, end: int, earliest_sentence: int) -> int:
    """Return where the part that begins at start ends: at most at end, always beyond start."""
    if end == len(text):
        return end
    for cut in range(end, max(earliest_sentence, start), -1):
        if _ends_sentence(text, cut):
            return cut
    blank = text.rfind(" ", start + 1, end + 1)
    if blank > start:
        return blank
    for cut in range(end, (start + end) // 2, -1):
        if _between_characters(text, cut):
            return cut
    return end


def _ends_sentence(text: str, cut: int) -> bool:
    if text[cut] != " " and text[cut - 1] not in _FULL_WIDTH_ENDS:
        return False
    before = text[max(0, cut - _LONGEST_CLOSING) : cut]
    return before.rstrip(_CLOSERS).endswith(_SENTENCE_ENDS)


def _between_characters(text: str, cut: int) -> bool:
    """Whether no reader would see a character broken by a cut here.

    The common part of Unicode's rules for grapheme clusters (UAX 29): marks, joined emoji, skin
    tones, tags and flags.
    """
    after = text[cut]
    code = ord(after)
    if unicodedata.category(after).startswith("M") or code in _SKIN_TONES or code in _TAGS:
        return False
    if _JOINER in (after, text[cut - 1]):
        return False
    flags = 0
    while code in _FLAG_LETTERS and cut - flags > 0 and ord(text[cut - flags - 1]) in _FLAG_LETTERS:
        flags += 1
    return flags % 2 == 0
