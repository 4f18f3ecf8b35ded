"""An answer against what is expected of it. No I/O; case, accents and typography count nowhere."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from dialogari.tool import ToolStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dialogari.evals.cases import Expected, ExpectedCall
    from dialogari.tool import ToolCall


def find_faults(
    expected: Expected, answer: str, calls: Sequence[ToolCall], ms: float
) -> Sequence[str]:
    """Return what is wrong, each in a few words; the judge's question is not asked here."""
    plain = simplify(answer)
    faults = [f"lacks {text!r}" for text in expected.must if not contains(plain, text)]
    faults += [f"has {text!r}" for text in expected.must_not if contains(plain, text)]
    if expected.tools is not None:
        faults += _check_calls(expected.tools, calls)
    if expected.within_ms is not None and ms > expected.within_ms:
        faults.append(f"took {ms:.0f} ms, more than {expected.within_ms:.0f}")
    return faults


def contains(plain: str, text: str) -> bool:
    """Return whether a text that `simplify` returned holds one of the alternatives."""
    return any(re.search(_pattern(part), plain) for part in text.split("|") if part.strip())


def simplify(text: str) -> str:
    """Return the text in lower case, without accents, with plain apostrophes and single blanks."""
    lower = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    letters = unicodedata.normalize("NFKD", lower)
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).split())


def _pattern(part: str) -> str:
    words = re.escape(simplify(part)).replace(r"\*", r"\w*")
    return rf"(?<!\w){words}(?!\w)"


def _check_calls(expected: Sequence[ExpectedCall], calls: Sequence[ToolCall]) -> Iterator[str]:
    done = [call for call in calls if call.status is ToolStatus.OK]
    if not expected and calls:
        yield f"called {', '.join(dict.fromkeys(call.name for call in calls))}"
    for one in expected:
        if not any(_fits(one, call) for call in done):
            told = "; ".join(f"{call.name} {_show(call.arguments)}" for call in calls)
            yield f"did not call {one.name} {_show(one.arguments)}, but {told or 'nothing'}"


def _fits(expected: ExpectedCall, call: ToolCall) -> bool:
    missing = object()
    return expected.name == call.name and all(
        _same(value, call.arguments.get(name, missing))
        for name, value in expected.arguments.items()
    )


def _same(expected: object, found: object) -> bool:
    if isinstance(expected, str) and isinstance(found, str):
        return simplify(expected) == simplify(found)
    return expected == found


def _show(arguments: object) -> str:
    return f"with {arguments}" if arguments else "without arguments"
