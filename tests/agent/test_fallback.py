"""Who is asked, in which order and for how long; what becomes of it on a call is in tests/pbx."""

from __future__ import annotations

import pytest

from dialogari.agent.fallback import Attempt, Fallback, plan

OTHER = Fallback("backup:b", 4.0)


@pytest.mark.parametrize(
    ("fallback", "patient", "attempts"),
    [
        (None, False, [Attempt("openai:a", None)]),
        (OTHER, False, [Attempt("openai:a", 4.0), Attempt("backup:b", None)]),
        (OTHER, True, [Attempt("openai:a", None), Attempt("backup:b", None)]),
        (Fallback("openai:a", 4.0), False, [Attempt("openai:a", None)]),
        (Fallback("openai:b", 4.0), False, [Attempt("openai:a", 4.0), Attempt("openai:b", None)]),
    ],
    ids=["none", "set", "local first", "itself", "another model of the same"],
)
def test_plan(fallback: Fallback | None, patient: bool, attempts: list[Attempt]) -> None:
    """The deadline counts only where somebody is left to ask, and never for a local model."""
    assert list(plan("openai:a", fallback, patient=patient)) == attempts
