"""An answer against what is expected of it."""

from __future__ import annotations

from typing import Any

import pytest

from dialogari.evals.cases import Expected, ExpectedCall
from dialogari.evals.checks import contains, find_faults, simplify
from dialogari.tool import ToolCall, ToolStatus


@pytest.mark.parametrize(
    ("answer", "text", "found"),
    [
        ("We open at nine.", "nine", True),
        ("We open at nine.", "NINE", True),
        ("We open at ninety.", "nine", False),
        ("We open at ninety.", "nine*", True),
        ("We open at 9.", "nine|9", True),
        ("Está detrás", "detras", True),
        ("Esta detras", "detrás", True),
        ("It costs 20.50 euros", "20", True),
        ("It costs 120 euros", "20", False),
        ("I don\u2019t know", "don't know", True),
        ("open  from\nten", "from ten", True),
        ("a (b) c", "(b)", True),
        ("anything", "|", False),
        ("no", "not|none", False),
    ],
)
def test_contains(answer: str, text: str, found: bool) -> None:
    """Whole words, without regard to case, accents and blanks; alternatives and beginnings."""
    assert contains(simplify(answer), text) is found


def _call(name: str, status: ToolStatus = ToolStatus.OK, **arguments: Any) -> ToolCall:
    return ToolCall("c", name, arguments, 1, status)


@pytest.mark.parametrize(
    ("expected", "calls", "faults"),
    [
        (None, [_call("x")], 0),
        ([], [], 0),
        ([], [_call("x")], 1),
        ([ExpectedCall("x")], [_call("x", a=1)], 0),
        ([ExpectedCall("x", {"a": 1})], [_call("x", a=1, b=2)], 0),
        ([ExpectedCall("x", {"day": "Sábado"})], [_call("x", day="sabado")], 0),
        ([ExpectedCall("x", {"a": 1})], [_call("x", a=2)], 1),
        ([ExpectedCall("x", {"a": None})], [_call("x")], 1),
        ([ExpectedCall("x")], [_call("x", ToolStatus.FAILED)], 1),
        ([ExpectedCall("x"), ExpectedCall("y")], [_call("y"), _call("x")], 0),
        ([ExpectedCall("x"), ExpectedCall("y")], [], 2),
    ],
)
def test_tools(expected: list[ExpectedCall] | None, calls: list[ToolCall], faults: int) -> None:
    """Each expected call was made and went well, with at least these arguments."""
    assert len(find_faults(Expected(tools=expected), "", calls, 0)) == faults


def test_faults_say_what_is_wrong() -> None:
    """In words for whoever wrote the file."""
    expected = Expected(
        must=["ten"], must_not=["nine"], tools=[ExpectedCall("x", {"a": 1})], within_ms=100
    )

    assert find_faults(expected, "At nine", [_call("y")], 150) == [
        "lacks 'ten'",
        "has 'nine'",
        "did not call x with {'a': 1}, but y without arguments",
        "took 150 ms, more than 100",
    ]
