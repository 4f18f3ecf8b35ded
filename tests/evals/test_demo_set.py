"""The demo's prompt keeps what it promises, with the local model itself."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dialogari.agent.local.catalogue import DEFAULT
from dialogari.agent.local.fetch import default_cache, is_cached
from dialogari.app.evals import evaluate, read_suites
from dialogari.app.prompts import open_prompts
from dialogari.config import Settings
from dialogari.evals.cases import Expected, Line, Suite, Talk
from dialogari.turn import Prompt

if TYPE_CHECKING:
    from dialogari.progress import Step

SETS = sorted((Path(__file__).parents[2] / "evals").glob("*.yaml"))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The local model, which must be there already, and a new store."""
    if not is_cached(DEFAULT, default_cache()):
        pytest.skip(f"the local model is not in {default_cache()}: `./run demo` fetches it")
    monkeypatch.chdir(tmp_path)  # no .env but the test's own
    return Settings(
        default_ai_model="local", dialogari_state_dir=tmp_path / "state", turn_deadline=120
    )


def _ignore(_step: Step) -> None:
    """Report to nobody."""


@pytest.mark.timeout(600)
async def test_the_demo_prompt(settings: Settings) -> None:
    """In English and in Spanish, all but one line is answered as it should be.

    The model has read the prompt before the first line, which would else take ten times as long
    as the others.
    """
    results = await evaluate(settings, read_suites(SETS), (), None, _ignore)

    assert len(results) == 16
    wrong = [f"{one.said} -> {one.answer}: {one.faults}" for one in results if one.faults]
    assert len(wrong) <= 1, wrong
    assert results[0].ms < 5 * statistics.median(one.ms for one in results)


@pytest.mark.timeout(200)
async def test_a_stored_prompt_is_read_before_the_first_line(settings: Settings) -> None:
    """The one that the file names, not the one changed last, which a bridge would have ready."""
    async with open_prompts(settings) as prompts:
        await prompts.set_prompt(Prompt("kiosk", "You sell ice cream. We close at 8 o'clock."))
        await prompts.set_prompt(Prompt("default", "You sell shoes."))
    line = Line("When do you close?", Expected(must=["8|eight"]))
    suites = [
        Suite("kiosk.yaml", [Talk("closing", [line])], prompt="kiosk"),
        Suite("lost.yaml", [Talk("closing", [line])], prompt="lost"),
    ]
    steps: list[str] = []

    results = await evaluate(settings, suites, (), None, lambda step: steps.append(step.step))

    assert [one.faults for one in results] == [[], ["unknown_prompt: unknown_prompt"]]
    assert steps[-1] == "The local model reads the prompt kiosk"
