"""What is told of each request to a model, and how health is kept, over real HTTP."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from dialogari.agent.answer import ModelAgent
from dialogari.agent.fallback import Fallback
from dialogari.agent.models import Models
from dialogari.agent.prices import Price
from dialogari.agent.provider import Provider
from dialogari.asked import Asked, Usage
from dialogari.turn import AgentDone, AgentEvent, AgentRequest, FellBack, TurnError
from model_stub import SECRET, ModelStub

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@asynccontextmanager
async def opened(first: ModelStub, second: ModelStub) -> AsyncGenerator[ModelAgent]:
    """Ask `a:x`, and `b:y` where that fails; only the second one's price is known."""
    providers = [Provider(n, s.url, n, SECRET) for n, s in (("a", first), ("b", second))]
    models = Models(providers, "a", {"b": Price(1_000_000, 10_000_000)})
    try:
        yield ModelAgent(models, Fallback("b:y", 0.3))
    finally:
        await models.aclose()


async def read(agent: ModelAgent, request: AgentRequest) -> list[AgentEvent]:
    """Return all events, those before a failure too."""
    events: list[AgentEvent] = []
    try:
        async with aclosing(agent.reply(request)) as stream:
            async for event in stream:
                events.append(event)  # noqa: PERF401 - those before a failure count
    except TurnError:
        pass
    return events


def told(events: list[AgentEvent]) -> list[tuple[str, str]]:
    """Return who was asked, and why it failed."""
    return [(event.model, event.reason) for event in events if isinstance(event, Asked)]


ASK = AgentRequest("hello", "", "a:x")


async def test_who_failed_and_who_answered() -> None:
    """One line for each request, and the sum of those that cost something."""
    async with (
        ModelStub(fault="http_500") as first,
        ModelStub() as second,
        opened(first, second) as agent,
    ):
        events = await read(agent, ASK)

    assert told(events) == [("a:x", "a.http_500"), ("b:y", "")]
    failed, answered = [event for event in events if isinstance(event, Asked)]
    assert failed.usage == Usage()
    assert answered.usage == Usage(11, 7, 81.0)
    assert failed.began + failed.seconds <= answered.began
    assert answered.first_token is not None
    assert 0 < answered.first_token <= answered.seconds
    done = events[-1]
    assert isinstance(done, AgentDone)
    assert done.usage == Usage(11, 7, 81.0)


async def test_an_unknown_price_makes_the_whole_unknown() -> None:
    """No cost is better than a wrong one."""
    async with ModelStub() as first, ModelStub() as second, opened(first, second) as agent:
        done = (await read(agent, ASK))[-1]

    assert isinstance(done, AgentDone)
    assert done.usage == Usage(11, 7, None)


@pytest.mark.parametrize("fault", ["drop", "empty"])
async def test_the_last_failure_is_told_too(fault: str) -> None:
    """In mid-stream, and of an answer that says nothing, with its tokens."""
    async with (
        ModelStub(fault=fault) as first,
        ModelStub(fault="http_429") as second,
        opened(first, second) as agent,
    ):
        events = await read(agent, ASK)

    expected = [("a:x", "a.connection")]
    if fault == "empty":
        expected = [("a:x", "empty_answer"), ("b:y", "b.http_429")]
    assert told(events) == expected


async def test_skipped_and_probed_no_more() -> None:
    """After three failures the fallback is asked at once, and the turn tells why."""
    async with (
        ModelStub(fault="http_503") as first,
        ModelStub() as second,
        opened(first, second) as agent,
    ):
        for _ in range(3):
            await read(agent, ASK)
        events = await read(agent, ASK)

    assert told(events) == [("a:x", "a.skipped"), ("b:y", "")]
    assert [event for event in events if isinstance(event, FellBack)] == [
        FellBack("b:y", "a.skipped")
    ]
    assert len(first.asked) == 3


async def test_who_is_skipped_now() -> None:
    """After three failures, until it has answered again."""
    async with (
        ModelStub(fault="http_503") as first,
        ModelStub() as second,
        opened(first, second) as agent,
    ):
        seen: list[list[str]] = []
        for _ in range(3):
            await read(agent, ASK)
            seen.append(list(agent.skipped))
        first.fault, second.fault = "", "http_500"
        await read(agent, ASK)

        assert seen == [[], [], ["a:x"]]
        assert not agent.skipped


async def test_without_a_fallback_nobody_is_skipped() -> None:
    """A model that fails is asked all the same."""
    async with ModelStub(fault="http_503") as stub:
        models = Models([Provider("a", stub.url, "a", SECRET)], "a")
        agent = ModelAgent(models)
        for _ in range(4):
            await read(agent, ASK)
        await models.aclose()

    assert not agent.skipped
    assert len(stub.asked) == 4


async def test_a_skipped_model_is_the_last_resort() -> None:
    """Where the fallback fails as well, it is asked in spite of all."""
    async with (
        ModelStub(fault="http_503") as first,
        ModelStub() as second,
        opened(first, second) as agent,
    ):
        for _ in range(3):
            await read(agent, ASK)
        first.fault, second.fault = "", "http_500"
        events = await read(agent, ASK)

    assert told(events) == [("a:x", "a.skipped"), ("b:y", "b.http_500"), ("a:x", "")]


@pytest.mark.parametrize("late", [True, False])
async def test_a_turn_out_of_time_counts_a_hang_up_does_not(late: bool) -> None:
    """Both cancel the request; only the first one says something of the model."""
    async with (
        ModelStub() as first,
        ModelStub(fault="stall") as second,
        opened(first, second) as agent,
    ):
        for _ in range(3):
            deadline = asyncio.get_running_loop().time() + (0.1 if late else 60)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.15):
                    await read(agent, AgentRequest("hello", "", "b:y", deadline=deadline))
        # As the fallback is known to fail, the first model is not cut short for it.
        first.delay, second.fault = 0.5, ""
        events = await read(agent, ASK)

    assert told(events)[0] == ("a:x", "" if late else "a.first_token")
