"""What a dialplan passes to Stasis(): `KEY=value` arguments, read without I/O.

Asterisk splits the arguments at commas, so the caller's words may arrive in pieces, and pieces of
them may look like arguments. Two rules keep them apart: the first occurrence of a key counts, and
whatever follows USER_INPUT belongs to its text unless it is one of the fixed keys. A dialplan that
passes UNIQUEID first is therefore safe from words that contain `UNIQUEID=`.

The recommended way, the channel variable USER_INPUT, isn't read here: `Arguments.text` is then
None and the door asks Asterisk.
"""

from __future__ import annotations

import base64
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from dialogari.turn import Side, Status, TurnError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WORDS: Final = "user_input"
_WORDS_BASE64: Final = "user_input_b64"
_WORDS_URI: Final = "user_input_uri"
_CONVERSATION: Final = "uniqueid"
_MODEL: Final = "ai_model"
_PROMPT: Final = "ai_prompt_name"
_TIMEOUT: Final = "ai_timeout"
_CALLER: Final = "ai_caller"
_LONGEST_CALLER: Final = 512
"""Characters, as of a conversation's id."""
_PIECES: Final = "ai_stream"
_CONTINUE: Final = "ai_continue"
_FIXED: Final = {
    _WORDS,
    _WORDS_BASE64,
    _WORDS_URI,
    _CONVERSATION,
    _MODEL,
    _PROMPT,
    _TIMEOUT,
    _CALLER,
    _PIECES,
    _CONTINUE,
}
_YES: Final = frozenset({"1", "yes", "true", "y", "t", "on"})
"""What Asterisk takes for true."""

_SECONDS: Final = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one Stasis() call, read.

    Where `problem` is set the turn can't be taken; the other fields hold what could be read, so
    that the log still names the conversation.
    """

    text: str | None = None
    """The caller's words; empty: present but empty; None: look in the channel variable."""
    conversation_id: str = ""
    """UNIQUEID; empty: absent."""
    model: str | None = None
    prompt: str | None = None
    timeout: float | None = None
    """Seconds, finite and above zero."""
    caller: str = ""
    """Whose earlier calls count; empty: nobody's."""
    pieces: bool = False
    """AI_STREAM: give the answer sentence by sentence."""
    continues: bool = False
    """AI_CONTINUE: go on with the answer; there is no question, whatever else says so."""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    """The call's own facts, keys in lower case."""
    ignored: int = 0
    """How many arguments came to nothing: no `=`, no key, or a key already seen."""
    problem: TurnError | None = None
    """`bad_request` when an argument that is used is malformed."""


@dataclass(slots=True)
class _Sorted:
    fixed: dict[str, str] = field(default_factory=dict[str, str])
    facts: dict[str, str] = field(default_factory=dict[str, str])
    ignored: int = 0


def parse_arguments(arguments: Sequence[str]) -> Arguments:
    """Read the arguments of Stasis() as Asterisk hands them over in StasisStart. Never raises."""
    found = _sort(arguments)
    continues = _is_yes(found.fixed.get(_CONTINUE, ""))
    # A dialplan that goes on has the old words still in its variables and arguments.
    text, reason = ("", "") if continues else _read_words(found.fixed)
    timeout = None
    seconds = found.fixed.get(_TIMEOUT, "").strip()
    if seconds and not continues:
        timeout = _read_seconds(seconds)
        if timeout is None:
            reason = reason or "ai_timeout.malformed"
    caller = found.fixed.get(_CALLER, "").strip()
    if len(caller) > _LONGEST_CALLER and not continues:
        reason = reason or "ai_caller.too_long"
    return Arguments(
        text=text,
        conversation_id=found.fixed.get(_CONVERSATION, "").strip(),
        model=found.fixed.get(_MODEL, "").strip() or None,
        prompt=found.fixed.get(_PROMPT, "").strip() or None,
        timeout=timeout,
        caller=caller,
        pieces=_is_yes(found.fixed.get(_PIECES, "")),
        continues=continues,
        facts=found.facts,
        ignored=found.ignored,
        problem=TurnError(Status.BAD_REQUEST, reason, Side.CALLER) if reason else None,
    )


def _sort(arguments: Sequence[str]) -> _Sorted:
    found = _Sorted()
    words: list[str] = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        key = name.strip().lower() if equals else ""
        if key in _FIXED:
            if key in found.fixed:
                found.ignored += 1
                continue
            found.fixed[key] = value
            if key == _WORDS:
                words.append(value)
        elif words:
            words.append(argument)
        elif key and key not in found.facts:
            found.facts[key] = value.strip()
        elif argument.strip():
            found.ignored += 1
    if words:
        found.fixed[_WORDS] = ",".join(words)
    return found


def _read_words(fixed: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the caller's words and, where they are malformed, the reason."""
    if _WORDS in fixed:
        return fixed[_WORDS], ""
    for key, decode in ((_WORDS_BASE64, _decode_base64), (_WORDS_URI, _decode_uri)):
        if key in fixed:
            words = decode(fixed[key])
            return words, f"{key}.malformed" if words is None else ""
    return None, ""


def _decode_base64(value: str) -> str | None:
    compact = value.strip()
    padding = "=" * (-len(compact) % 4)
    try:
        return base64.b64decode(compact + padding, validate=True).decode("utf-8")
    except ValueError:
        return None


def _decode_uri(value: str) -> str | None:
    if _BROKEN_ESCAPE.search(value):
        return None
    try:
        return unquote_to_bytes(value).decode("utf-8")
    except ValueError:
        return None


def _is_yes(value: str) -> bool:
    return value.strip().lower() in _YES


def _read_seconds(value: str) -> float | None:
    if not _SECONDS.fullmatch(value):
        return None
    seconds = float(value)
    return seconds if math.isfinite(seconds) and seconds > 0 else None
