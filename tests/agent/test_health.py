"""When a model is left alone, and when it is asked again."""

from __future__ import annotations

import pytest

from dialogari.agent.health import (
    Health,
    HealthRules,
    Healths,
    Standing,
    counts,
    fail,
    judge,
    probe,
)

RULES = HealthRules(failures=3, within=60, pause=10, longest=40)
TRUSTED, SKIPPED, DUE = Standing.TRUSTED, Standing.SKIPPED, Standing.DUE


@pytest.mark.parametrize(
    ("story", "at", "standing"),
    [
        ("", 0, TRUSTED),
        ("f0 f1", 2, TRUSTED),
        ("f0 f1 f2", 3, SKIPPED),
        ("f0 f1 f2", 11.9, SKIPPED),
        ("f0 f1 f2", 12, DUE),
        ("f0 f1 f60", 61, TRUSTED),
        ("f0 f10 f20 f59", 60, SKIPPED),
        ("f0 f1 f2 f3 f4", 12, DUE),
        ("f0 f1 f2 p12", 13, SKIPPED),
        ("f0 f1 f2 p12", 22, DUE),
        ("f0 f1 f2 p12 f13", 32, SKIPPED),
        ("f0 f1 f2 p12 f13", 33, DUE),
        ("f0 f1 f2 p12 f13 p33 f34", 73, SKIPPED),
        ("f0 f1 f2 p12 f13 p33 f34 p74 f74", 114, DUE),
        ("f0 f1 f2 p12 a13", 13, TRUSTED),
        ("f0 f1 a1 f2 f3", 4, TRUSTED),
        ("f0 f1 f2 p12 a13 f14 f15", 16, TRUSTED),
    ],
)
def test_standing(story: str, at: float, standing: Standing) -> None:
    """F failed, p probed, a answered, each at its second."""
    health = Health()
    for event in story.split():
        now = float(event[1:])
        match event[0]:
            case "f":
                health = fail(health, now, RULES)
            case "p":
                health = probe(health, now, RULES)
            case _:
                health = Health()

    assert judge(health, at) is standing


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("openai.http_500", True),
        ("openai.http_429", True),
        ("openai.http_401", True),
        ("openai.first_token", True),
        ("openai.connection", True),
        ("first_token", True),
        ("openai.http_400", False),
        ("openai.http_422", False),
        ("openai.content_filter", False),
        ("openai.tool_limit", False),
        ("empty_answer", False),
    ],
)
def test_what_speaks_against_a_model(reason: str, expected: bool) -> None:
    """A failure that lies in the question does not."""
    assert counts(reason) is expected


def test_models_are_told_apart() -> None:
    """One that fails costs no other; the pause is told once, and so is the return."""
    healths = Healths(RULES)

    pauses = [healths.failed("a:x", "a.http_500", now) for now in (0, 1, 2, 3)]

    assert pauses == [0, 0, 10, 0]
    assert (healths.judge("a:x", 4), healths.judge("a:y", 4)) == (SKIPPED, TRUSTED)
    assert (set(healths.skipped(4)), set(healths.skipped(13))) == ({"a:x"}, set())
    assert [healths.answered("a:x"), healths.answered("a:x")] == [True, False]
    assert healths.judge("a:x", 5) is TRUSTED
