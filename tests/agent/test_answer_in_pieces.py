"""The sentences of an answer as the model writes it, over real HTTP."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from dialogari.agent.answer import ModelAgent
from dialogari.agent.fallback import Fallback
from dialogari.agent.models import Models
from dialogari.agent.provider import Provider
from dialogari.tool import ToolUsed
from dialogari.turn import AgentDone, AgentEvent, AgentRequest, FellBack, Sentence, TurnError
from model_stub import SECRET, Ask, Asked, ModelStub


async def _ask(
    stub: ModelStub, language: str | None = "en", fallback: Fallback | None = None
) -> list[AgentEvent]:
    models = Models([Provider("openai", stub.url, "stub", SECRET)], "openai")
    request = AgentRequest("x", "", "openai:stub", language=language, pieces=True)
    try:
        async with aclosing(ModelAgent(models, fallback).reply(request)) as events:
            return [event async for event in events]
    finally:
        await models.aclose()


async def _listen(agent: ModelAgent, request: AgentRequest, seen: list[AgentEvent]) -> None:
    async with aclosing(agent.reply(request)) as events:
        async for event in events:
            seen.append(event)  # noqa: PERF401 - what came before an error counts


def _sentences(events: list[AgentEvent]) -> list[Sentence]:
    return [event for event in events if isinstance(event, Sentence)]


async def test_sentences_fit_to_be_spoken() -> None:
    """Without Markdown, in the prompt's language, the last one marked; the whole says the same."""
    written = "**Cuesta** 21 €. Abrimos a las diez.\n\n- Lunes\n- Martes"
    async with ModelStub(answer=lambda _: written) as stub:
        events = await _ask(stub, "es-ES")

    *_, done = events
    assert isinstance(done, AgentDone)
    said = _sentences(events)
    assert [sentence.text for sentence in said[:2]] == [
        "Cuesta veintiún euros.",
        "Abrimos a las diez.",
    ]
    assert [sentence.last for sentence in said] == [False] * (len(said) - 1) + [True]
    assert " ".join(s.text for s in said).split() == done.text.split()


@pytest.mark.parametrize(("written", "said"), [("Yes", "Yes"), ("%", "%"), ("7", "7")])
async def test_something_is_always_said(written: str, said: str) -> None:
    """Whatever is an answer is at least one sentence."""
    async with ModelStub(answer=lambda _: written) as stub:
        assert _sentences(await _ask(stub)) == [Sentence(said, last=True)]


async def test_what_is_said_before_a_tool() -> None:
    """It is told before the tool runs, not when the next word has come."""

    def act(asked: Asked) -> list[Ask | str]:
        return ["It is five."] if asked.outcomes else ["Let me see.", Ask("clock")]

    async with ModelStub(act=act) as stub:
        events = await _ask(stub)

    first = next(i for i, event in enumerate(events) if isinstance(event, ToolUsed))
    assert _sentences(events[:first]) == [Sentence("Let me see.")]
    assert _sentences(events[first:]) == [Sentence("It is five.", last=True)]


async def test_half_a_sentence_is_not_told() -> None:
    """A stream that breaks off tells what was complete, and then fails."""
    async with ModelStub(fault="drop", opening="One is whole. The other", pace=0.2) as stub:
        models = Models([Provider("openai", stub.url, "stub", SECRET)], "openai")
        request = AgentRequest("x", "", "openai:stub", pieces=True)
        seen: list[AgentEvent] = []
        with pytest.raises(TurnError):
            await _listen(ModelAgent(models), request, seen)
        await models.aclose()

    assert _sentences(seen) == [Sentence("One is whole.")]


async def test_the_fallback_speaks_in_pieces_too() -> None:
    """A model that fails before its first word leaves nothing of itself in the sentences."""
    async with ModelStub(fault="http_500") as broken, ModelStub() as good:
        models = Models(
            [
                Provider("openai", broken.url, "stub", SECRET),
                Provider("other", good.url, "stub", SECRET),
            ],
            "openai",
        )
        agent = ModelAgent(models, Fallback("other:stub", 2.0))
        request = AgentRequest("yes. And you?", "", "openai:stub", pieces=True)
        async with aclosing(agent.reply(request)) as events:
            seen = [event async for event in events]
        await models.aclose()

    assert any(isinstance(event, FellBack) for event in seen)
    assert [s.text for s in _sentences(seen)] == ["You said yes.", "And you?"]
