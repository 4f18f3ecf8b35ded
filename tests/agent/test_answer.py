"""The agent against a model server over real HTTP; its faults on a call are in tests/pbx."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from dialogari.agent.answer import ModelAgent
from dialogari.agent.models import Models
from dialogari.agent.provider import Provider
from dialogari.agent.request import LONGEST_ANSWER
from dialogari.turn import (
    AgentDone,
    AgentEvent,
    AgentRequest,
    Message,
    Role,
    Status,
    TextDelta,
    TurnError,
)
from model_stub import SECRET, ModelStub


async def _ask(stub: ModelStub, request: AgentRequest) -> list[AgentEvent]:
    models = Models([Provider("openai", stub.url, "stub", SECRET)], "openai")
    try:
        async with aclosing(ModelAgent(models).reply(request)) as events:
            return [event async for event in events]
    finally:
        await models.aclose()


def _texts(events: list[AgentEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, TextDelta)]


async def test_what_the_model_is_asked() -> None:
    """Prompt with its facts, then what was said, then the question, with the key as bearer."""
    async with ModelStub() as stub:
        await _ask(
            stub,
            AgentRequest(
                "and now?",
                "Be nice to {{ Name }}.",
                "openai:stub",
                facts={"name": "Ada"},
                history=[Message(Role.CALLER, "hi"), Message(Role.ASSISTANT, "hello")],
            ),
        )

    asked = stub.asked[0]
    assert [(m["role"], m["content"]) for m in asked.messages] == [
        ("system", "Be nice to Ada."),
        ("user", "hi"),
        ("assistant", "hello"),
        ("user", "and now?"),
    ]
    assert asked.authorization == f"Bearer {SECRET}"


async def test_pieces_and_the_whole() -> None:
    """Pieces come as written; the whole comes fit to be spoken, with its tokens."""
    async with ModelStub(answer=lambda _: "**Yes**, " + "we do. " * 20) as stub:
        *pieces, done = await _ask(stub, AgentRequest("x", "", "openai:stub"))

    assert len(pieces) > 1
    assert "".join(_texts(pieces)) == "**Yes**, " + "we do. " * 20
    assert isinstance(done, AgentDone)
    assert done.text == ("Yes, " + "we do. " * 20).strip()
    assert (done.usage.input_tokens, done.usage.output_tokens) == (11, 7)


async def test_the_whole_is_said_in_the_language_of_the_prompt() -> None:
    """The request's language decides how signs are said; the pieces stay as written."""
    async with ModelStub(answer=lambda _: "Cuesta 21 €.") as stub:
        *pieces, done = await _ask(stub, AgentRequest("x", "", "openai:stub", language="es-ES"))

    assert "".join(_texts(pieces)) == "Cuesta 21 €."
    assert isinstance(done, AgentDone)
    assert done.text == "Cuesta veintiún euros."


async def test_an_endless_answer_is_left() -> None:
    """Reading stops after LONGEST_ANSWER characters, and the connection is closed."""
    async with ModelStub(fault="endless") as stub:
        *pieces, done = await _ask(stub, AgentRequest("x", "", "openai:stub"))
        await asyncio.sleep(0.1)

    assert LONGEST_ANSWER < len("".join(_texts(pieces))) < LONGEST_ANSWER + 10_000
    assert isinstance(done, AgentDone)
    assert stub.abandoned


@pytest.mark.parametrize("fault", ["empty", "blank"])
async def test_nothing_to_say_is_an_error(fault: str) -> None:
    """An empty answer, or one of nothing but marks, is `model_error`."""
    async with ModelStub(fault=fault) as stub:
        with pytest.raises(TurnError) as caught:
            await _ask(stub, AgentRequest("x", "", "openai:stub"))

    assert (caught.value.status, caught.value.reason) == (Status.MODEL_ERROR, "empty_answer")


async def test_a_cancelled_question_closes_the_connection() -> None:
    """Cancelling the consumer closes the model's connection at once."""
    async with ModelStub(fault="stall") as stub, asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(_ask(stub, AgentRequest("x", "", "openai:stub")))
        while not stub.asked:
            await asyncio.sleep(0.01)
        asking.cancel()
        async with asyncio.timeout(1):
            while not stub.abandoned:
                await asyncio.sleep(0.005)
