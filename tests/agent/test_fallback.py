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


@pytest.mark.parametrize(
    ("skipped", "attempts"),
    [
        ({"openai:a"}, [Attempt("backup:b", None), Attempt("openai:a", None)]),
        ({"backup:b"}, [Attempt("openai:a", None), Attempt("backup:b", None)]),
        ({"openai:a", "backup:b"}, [Attempt("openai:a", None), Attempt("backup:b", None)]),
    ],
    ids=["the first", "the fallback", "both"],
)
def test_models_that_failed_lately(skipped: set[str], attempts: list[Attempt]) -> None:
    """They come last, and no model is cut short for one of them."""
    assert list(plan("openai:a", OTHER, patient=False, skipped=skipped)) == attempts


def test_alone_a_model_is_always_asked() -> None:
    """Nobody else is left."""
    assert list(plan("openai:a", None, patient=False, skipped={"openai:a"})) == [
        Attempt("openai:a", None)
    ]
