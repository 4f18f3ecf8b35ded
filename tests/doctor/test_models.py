"""Models, each wrong once; what a model's server says is in no line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dialogari.doctor.findings import Verdict
from doctor.patient import examine
from model_stub import POISON, SECRET

if TYPE_CHECKING:
    from pathlib import Path

    from dialogari.config import Settings
    from model_stub import ModelStub


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("http_401", {"model.key": Verdict.FAIL}),
        ("http_404", {"model.not_there": Verdict.FAIL}),
        ("http_429", {"model.limit": Verdict.WARN}),
        ("http_500", {"model.broken": Verdict.FAIL}),
        ("html", {"model.broken": Verdict.FAIL}),
        ("empty", {"model.broken": Verdict.FAIL}),
        ("stall", {"model.slow": Verdict.FAIL}),
        ("", {}),
    ],
)
async def test_a_model_that_fails(
    settings: Settings, etc: Path, stub: ModelStub, fault: str, found: dict[str, Verdict]
) -> None:
    """Each failure of a model has its own line, without its words and without the key."""
    stub.fault = fault
    report = await examine(settings.model_copy(update={"turn_deadline": 4.0}), etc)

    assert report.bad == found
    assert POISON not in str(report)
    assert SECRET not in str(report)


async def test_a_model_that_is_not_there(settings: Settings, etc: Path, free_port: int) -> None:
    """Nothing listens at the provider's address."""
    changes = {"openai_base_url": f"http://127.0.0.1:{free_port}/v1"}
    report = await examine(settings.model_copy(update=changes), etc)

    assert report.bad == {"model.unreachable": Verdict.FAIL}


async def test_a_default_model_of_no_provider(settings: Settings, etc: Path) -> None:
    """DEFAULT_AI_MODEL names what is not configured; the configured one is asked all the same."""
    report = await examine(settings.model_copy(update={"default_ai_model": "skynet"}), etc)

    assert report.bad == {"model.unknown": Verdict.FAIL}
    assert "openai:stub" in report["model"].text
