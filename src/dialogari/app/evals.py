"""Evaluations with the settings at hand: the store's prompts and tools, and any model."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from dialogari.app.ai import open_ai
from dialogari.app.local import read_prompt
from dialogari.config import LOCAL, ConfigError
from dialogari.evals.reading import EvalFileError, read_suite
from dialogari.evals.runner import Runner
from dialogari.running import DEFAULT_PROMPT
from dialogari.turn import Prompt, TurnError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dialogari.app.ai import Ai
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
                await _prepare(ai, suite, model, report)
                async with aclosing(runner.run(suite, model)) as found:
                    results += [result async for result in found]
    return results


async def _prepare(ai: Ai, suite: Suite, model: str | None, report: Callable[[Step], None]) -> None:
    """Have a local model read the file's prompt, as it has read its own before a call comes.

    It takes longer over that than a turn may take.
    """
    if ai.local is None:
        return
    name = suite.prompt or DEFAULT_PROMPT
    text = suite.content
    prompt = await _find(ai, name) if text is None else Prompt(name, text)
    if prompt is None:
        return
    try:
        asked = ai.agent.resolve(model or prompt.model)
    except TurnError:
        return  # each turn says so
    if ai.models.provider(asked).name == LOCAL:
        await read_prompt(ai.local, prompt, ai.store, report)


async def _find(ai: Ai, name: str) -> Prompt | None:
    prompts = await ai.store.prompts.list_prompts()
    return next((prompt for prompt in prompts if prompt.name == name), None)
