"""The model as pydantic-ai's own code uses it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from pydantic_ai import Agent
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.exceptions import ModelConnectionError
from pydantic_ai.messages import ModelMessage, ModelRequest, ToolCallPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.tools import ToolDefinition

from agent.chat.raw_server import EVENTS, Visit, always, event, serve, words
from dialogari.agent.models import Models
from dialogari.agent.provider import Provider

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

USAGE = event(
    choices=[],
    usage={
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 8},
    },
)


@asynccontextmanager
async def model_at(url: str) -> AsyncGenerator[Model]:
    """Open a model of the server at `url`."""
    models = Models([Provider("acme", url, "m", "sk-acme")], "acme")
    try:
        yield models.open("acme:m")[0]
    finally:
        await models.aclose()


def call(index: int | None, **fields: object) -> bytes:
    """Return an event with a piece of a tool call."""
    piece = {k: v for k, v in fields.items() if k == "id"} | {
        "function": {k: v for k, v in fields.items() if k != "id"}
    }
    if index is not None:
        piece["index"] = index
    return event(choices=[{"index": 0, "delta": {"tool_calls": [piece]}}])


CALLS = (
    call(0, id="c1", name="hours", arguments="")
    + call(0, arguments='{"day": ')
    + call(1, id="c2", name="hours", arguments='{"day": "Sun"}')
    + call(0, arguments='"Sat"}')
    + event(choices=[{"index": 0, "delta": {}, "finish_reason": "tool_calls"}])
    + USAGE
)


async def test_tool_calls_are_put_together() -> None:
    """Two calls whose pieces come in turns are two parts, with the end and the usage."""
    parameters = ModelRequestParameters(function_tools=[ToolDefinition(name="hours")])
    messages: list[ModelMessage] = [ModelRequest.user_text_prompt("When?")]
    async with serve(always(EVENTS + CALLS)) as server, model_at(server.url) as model:
        opening = model_request_stream(model, messages, model_request_parameters=parameters)
        async with opening as stream:
            events = [event async for event in stream]
        response = stream.get()

    assert events
    assert [
        (p.tool_name, p.tool_call_id, p.args_as_dict())
        for p in response.parts
        if isinstance(p, ToolCallPart)
    ] == [("hours", "c1", {"day": "Sat"}), ("hours", "c2", {"day": "Sun"})]
    assert (response.finish_reason, response.state) == ("tool_call", "complete")
    usage = response.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (9, 4, 8)
    assert (response.provider_name, response.model_name) == ("acme", "m")
    assert server.visits[0].body["tools"][0]["function"]["name"] == "hours"


async def test_the_whole_loop_of_pydantic_ai() -> None:
    """Its agent calls the tool, sends back what it returned, and gets the answer."""

    async def script(visit: Visit) -> AsyncIterator[bytes]:
        told = visit.body["messages"][-1]
        yield EVENTS + (words(f"{told['content']}!", "stop") if told["role"] == "tool" else CALLS)

    async with serve(script) as server, model_at(server.url) as model:
        agent = Agent(model, instructions="Be brief.")

        @agent.tool_plain
        def hours(day: str) -> str:
            return f"{day}: closed"

        assert hours
        result = await agent.run("When?")

    assert result.output == "Sun: closed!"
    assert [m["role"] for m in server.visits[1].body["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
        "tool",
    ]


async def test_a_request_that_is_not_streamed() -> None:
    """`model_request` gives the whole answer, streamed all the same."""
    script = always(EVENTS + words("Hello.", "stop"))
    async with serve(script) as server, model_at(server.url) as model:
        response = await model_request(model, [ModelRequest.user_text_prompt("hi")])

    assert response.text == "Hello."
    assert server.visits[0].body["stream"] is True
    assert "Authorization: Bearer sk-acme" in server.visits[0].head


async def test_an_error_names_the_model_and_nothing_of_the_server() -> None:
    """Errors are pydantic-ai's, without a word of what was sent."""
    async with serve(always(EVENTS + words("secret"), b"")) as server:
        url = server.url
    async with model_at(url) as model:
        with pytest.raises(ModelConnectionError) as caught:
            await model_request(model, [ModelRequest.user_text_prompt("hi")])

    assert caught.value.model_name == "m"
    assert "127.0.0.1" not in str(caught.value)
