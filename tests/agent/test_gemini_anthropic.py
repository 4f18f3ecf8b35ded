"""Gemini and Anthropic over real HTTP, by their own libraries, against their wire formats."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from ipaddress import ip_network

import pytest

from dialogari.agent.answer import ModelAgent
from dialogari.agent.fallback import Fallback
from dialogari.agent.models import Models
from dialogari.agent.outbound import Outbound
from dialogari.agent.provider import Api, Provider
from dialogari.agent.tools import HttpTools
from dialogari.tool import Tool, ToolCall, ToolStatus, ToolUsed
from dialogari.turn import (
    AgentDone,
    AgentEvent,
    AgentRequest,
    FellBack,
    Message,
    Role,
    Status,
    TurnError,
)
from model_stub import SECRET, ModelStub
from provider_stubs import PIECES, Anthropic, Format, Gemini, ProviderStub
from web_stub import WebStub

FORMATS: dict[Api, Format] = {Api.GEMINI: Gemini(), Api.ANTHROPIC: Anthropic()}
pytestmark = pytest.mark.parametrize("api", FORMATS)

REASONS = {
    "http_401": "http_401",
    "http_429": "http_429",
    "http_500": "http_500",
    "http_503": "http_503",
    "drop": "connection",
    "malformed": "malformed_answer",
    "odd": "client_fault",
}


def _provider(api: Api, stub: ProviderStub) -> Provider:
    return Provider(api.value, stub.url, "m", SECRET, api=api)


def _request(api: Api) -> AgentRequest:
    past = [Message(Role.CALLER, "hi"), Message(Role.ASSISTANT, "hello")]
    return AgentRequest("and now?", "Be nice.", f"{api.value}:m", history=past)


async def _ask(models: Models, api: Api, fallback: Fallback | None = None) -> list[AgentEvent]:
    agent = ModelAgent(models, fallback)
    try:
        async with asyncio.timeout(5), aclosing(agent.reply(_request(api))) as events:
            return [event async for event in events]
    finally:
        await models.aclose()


async def test_an_answer(api: Api) -> None:
    """Prompt, history and question go out with the key; the pieces, the whole and its tokens."""
    async with ProviderStub(FORMATS[api]) as stub:
        *pieces, done = await _ask(Models([_provider(api, stub)], api.value), api)

    assert len(pieces) == len(PIECES) + 2  # and the request, told as it begins and when it ended
    assert isinstance(done, AgentDone)
    assert done.text == "Hello, this is the shop."
    assert (done.usage.input_tokens, done.usage.output_tokens) == (11, 7)
    assert stub.keys == [SECRET]
    sent = str(stub.bodies[0])
    places = [sent.index(text) for text in ("'hi'", "'hello'", "'and now?'")]
    assert places == sorted(places)
    assert "'Be nice.'" in sent


@pytest.mark.parametrize("fault", REASONS)
async def test_faults(api: Api, fault: str) -> None:
    """Each has its reason, and the question is sent once whatever Retry-After says."""
    async with ProviderStub(FORMATS[api], fault) as stub:
        with pytest.raises(TurnError) as caught:
            await _ask(Models([_provider(api, stub)], api.value), api)

    reason = f"{api.value}.{REASONS[fault]}"
    assert (caught.value.status, caught.value.reason) == (Status.MODEL_ERROR, reason)
    assert len(stub.bodies) == 1


async def test_an_error_in_mid_stream(api: Api) -> None:
    """It has the status it would have had before the stream."""
    async with ProviderStub(FORMATS[api], "error_event") as stub:
        with pytest.raises(TurnError) as caught:
            await _ask(Models([_provider(api, stub)], api.value), api)

    assert caught.value.reason in {"gemini.http_503", "anthropic.http_529"}


async def test_an_answer_that_ends_early(api: Api) -> None:
    """A stream that ends in order but before its end is no answer."""
    async with ProviderStub(FORMATS[api], "cut") as stub:
        with pytest.raises(TurnError) as caught:
            await _ask(Models([_provider(api, stub)], api.value), api)

    assert caught.value.reason == f"{api.value}.ended_early"


@pytest.mark.parametrize("fault", ["http_500", "stall"])
async def test_fallback(api: Api, fault: str) -> None:
    """Another provider answers when it fails or says nothing in time; its request is closed."""
    async with ProviderStub(FORMATS[api], fault) as stub, ModelStub() as second:
        models = Models([_provider(api, stub), Provider("second", second.url, "m")], api.value)
        _, _, fell, *_, done = await _ask(models, api, Fallback("second:m", 0.3))
        await asyncio.sleep(0.1)

    reason = f"{api.value}.{'first_token' if fault == 'stall' else fault}"
    assert fell == FellBack("second:m", reason)
    assert isinstance(done, AgentDone)
    assert done.text == "You said and now?"
    assert len(stub.abandoned) == (fault == "stall")


@pytest.mark.parametrize("fault", ["stall", "stall_in_stream"])
async def test_leaving_closes_the_connection(api: Api, fault: str) -> None:
    """A cancelled question closes its connection at once."""
    async with ProviderStub(FORMATS[api], fault) as stub, asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(_ask(Models([_provider(api, stub)], api.value), api))
        while not stub.bodies:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        asking.cancel()
        async with asyncio.timeout(1):
            while not stub.abandoned:
                await asyncio.sleep(0.005)


async def test_a_tool(api: Api) -> None:
    """It is offered, called, and its outcome sent back beside that of an earlier turn."""
    tool = Tool("hours", "When we open.", {"type": "object", "properties": {"day": {}}}, "")
    earlier = ToolCall("x", "hours", {"day": "Sunday"}, 1, ToolStatus.OK, "", "closed-then", 0.1)
    outbound = Outbound([ip_network("127.0.0.1/32")])
    async with WebStub() as web, ProviderStub(FORMATS[api], tool=("hours", {"day": "Mo"})) as stub:
        models = Models([_provider(api, stub)], api.value)
        request = replace(
            _request(api),
            tools=[replace(tool, url=web.url)],
            history=[Message(Role.CALLER, "hi"), Message(Role.ASSISTANT, "hello", [earlier])],
        )
        async with asyncio.timeout(5):
            agent = ModelAgent(models, tools=HttpTools(outbound))
            events = [event async for event in agent.reply(request)]
        await models.aclose()
        await outbound.aclose()

    uses = [event.call for event in events if isinstance(event, ToolUsed)]
    assert [(c.status, dict(c.arguments)) for c in uses][1] == (ToolStatus.OK, {"day": "Mo"})
    assert isinstance(events[-1], AgentDone)
    assert events[-1].text == "Hello, this is the shop."
    first, second = map(str, stub.bodies)
    assert "When we open." in first
    assert "closed-then" in first
    assert "nine" not in first
    assert "nine" in second
    assert web.received[0].path == "/?day=Mo"
