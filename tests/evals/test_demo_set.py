"""The demo's prompt keeps what it promises, with the local model itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogari.agent.local.catalogue import DEFAULT
from dialogari.agent.local.fetch import default_cache, is_cached
from dialogari.app.evals import evaluate, read_suites
from dialogari.config import Settings
from dialogari.progress import Step

SETS = sorted((Path(__file__).parents[2] / "evals").glob("*.yaml"))


def _ignore(_step: Step) -> None:
    """Report to nobody."""


@pytest.mark.timeout(600)
async def test_the_demo_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In English and in Spanish, all but one line is answered as it should be."""
    if not is_cached(DEFAULT, default_cache()):
        pytest.skip(f"the local model is not in {default_cache()}: `./run demo` fetches it")
    monkeypatch.chdir(tmp_path)  # no .env but the test's own
    settings = Settings(
        default_ai_model="local", dialogari_state_dir=tmp_path / "state", turn_deadline=120
    )

    results = await evaluate(settings, read_suites(SETS), (), None, _ignore)

    assert len(results) == 8
    wrong = [f"{one.said} -> {one.answer}: {one.faults}" for one in results if one.faults]
    assert len(wrong) <= 1, wrong
