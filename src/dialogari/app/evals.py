"""Evaluations with the settings at hand: the store's prompts and tools, and any model."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from dialogari.app.ai import open_ai
from dialogari.config import ConfigError
from dialogari.evals.reading import EvalFileError, read_suite
from dialogari.evals.runner import Runner
from dialogari.turn import TurnError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dialogari.config import Settings
    from dialogari.evals.cases import Result, Suite
    from dialogari.progress import Step


def read_suites(paths: Sequence[Path]) -> Sequence[Suite]:
    """Return the files' conversations. Raises ConfigError, a line for each file that is wrong."""
    suites: list[Suite] = []
    wrong: list[str] = []
    for path in paths:
        try:
            suites.append(read_suite(path))
        except EvalFileError as error:
            wrong.append(str(error))
    if wrong:
        raise ConfigError("\n".join(wrong))
    return suites


async def evaluate(
    settings: Settings,
    suites: Sequence[Suite],
    models: Sequence[str],
    judge: str | None,
    report: Callable[[Step], None],
) -> Sequence[Result]:
    """Return all results, model by model; no model: the default one.

    Raises ConfigError, StoreError and LocalModelError.
    """
    results: list[Result] = []
    async with open_ai(settings, report) as ai:
        for name in (judge, *models):
            try:
                ai.agent.resolve(name)
            except TurnError as error:
                raise ConfigError(f"--model, --judge: {name!r}: {error.reason}") from error
        runner = Runner(ai.agent, ai.store.catalogue, settings.turn_deadline, judge)
        for model in models or (None,):
            for suite in suites:
                async with aclosing(runner.run(suite, model)) as found:
                    results += [result async for result in found]
    return results
