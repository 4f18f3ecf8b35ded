"""A slow tool announces itself with its prompt's phrase, over real HTTP on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network

import pytest

from dialogari.agent.answer import ModelAgent
from dialogari.agent.calls import ANNOUNCED_AFTER
from dialogari.agent.fallback import Fallback
from dialogari.agent.models import Models
from dialogari.agent.outbound import Outbound
from dialogari.agent.provider import Provider
from dialogari.agent.tools import HttpTools
from dialogari.tool import Tool, ToolStatus, ToolUsed
from dialogari.turn import AgentDone, AgentEvent, AgentRequest, Sentence
from model_stub import SECRET, Ask, Asked, ModelStub
from web_stub import WebStub

SLOW = f"/slow/{ANNOUNCED_AFTER + 0.5}"
PHRASE = "One moment, Ana."


@pytest.fixture
async def web() -> AsyncGenerator[WebStub]:
    """Run somebody's web service."""
    async with WebStub(answer="nine") as stub:
        yield stub


def request(web: WebStub, path: str = SLOW) -> AgentRequest:
    """Return a question about a tool at a path of the web service."""
    tool = Tool("hours", "When the shop is open.", {"type": "object"}, web.url + path)
    return AgentRequest(
        "When?",
        "Be brief.",
        "openai:stub",
        facts={"name": "Ana"},
        tools=[tool, replace(tool, name="other")],
        deadline=asyncio.get_running_loop().time() + 20,
        pieces=True,
        phrase="**One** moment, {{ Name }}.",
    )


@asynccontextmanager
async def agent_of(*stubs: ModelStub) -> AsyncGenerator[ModelAgent]:
    """Make an agent of these models, the second one for when the first one fails."""
    names = ("openai", "backup")
    providers = [
        Provider(name, stub.url, "stub", SECRET) for name, stub in zip(names, stubs, strict=False)
    ]
    models = Models(providers, "openai")
    outbound = Outbound([ip_network("127.0.0.1/32")])
    fallback = Fallback("backup:stub", 5.0) if len(stubs) > 1 else None
    yield ModelAgent(models, fallback, HttpTools(outbound))
    await models.aclose()
    await outbound.aclose()


async def ask(asked: AgentRequest, *stubs: ModelStub) -> list[AgentEvent]:
    """Return all that an agent says."""
    async with agent_of(*stubs) as agent, aclosing(agent.reply(asked)) as events:
        return [event async for event in events]


def said(events: list[AgentEvent]) -> list[str]:
    """Return the sentences."""
    return [event.text for event in events if isinstance(event, Sentence)]


def one_after_the_other(*names: str) -> ModelStub:
    """Return a model that asks for these tools in turn, and then says what came of the last one."""

    def act(asked: Asked) -> str | list[Ask | str]:
        done = len(asked.outcomes)
        if done < len(names):
            return [Ask(names[done], id=f"call_{done}")]
        return f"It opens at {asked.outcomes[-1]}."

    return ModelStub(act=act)


async def test_a_slow_tool(web: WebStub) -> None:
    """The phrase is told while it runs, its facts filled in; the model never hears of it."""
    async with one_after_the_other("hours") as model:
        events = await ask(request(web), model)

    kinds = [event.call.status if isinstance(event, ToolUsed) else event for event in events]
    phrase = kinds.index(Sentence(PHRASE))
    assert kinds.index(ToolStatus.RUNNING) < phrase < kinds.index(ToolStatus.OK)
    assert said(events) == [PHRASE, "It opens at nine."]
    assert isinstance(events[-1], AgentDone)
    assert events[-1].text == "It opens at nine."
    assert PHRASE not in str(model.asked[-1].messages)


async def test_what_is_not_announced(web: WebStub) -> None:
    """A fast tool, a tool without a phrase, and any tool where the answer comes as a whole."""
    slow = request(web)
    async with one_after_the_other("hours") as model:
        fast = await ask(request(web, "/hours"), model)
        mute = await ask(replace(slow, phrase=" {{ nobody }} "), model)
        whole = await ask(replace(slow, pieces=False), model)

    assert said(fast) == said(mute) == ["It opens at nine."]
    assert said(whole) == []


async def test_after_a_sentence_there_is_no_silence(web: WebStub) -> None:
    """A model that has said something before it asked for the tool needs no phrase."""

    def act(asked: Asked) -> str | list[Ask | str]:
        return "At nine." if asked.outcomes else ["Let me see.", Ask("hours")]

    async with ModelStub(act=act) as model:
        assert said(await ask(request(web), model)) == ["Let me see.", "At nine."]


async def test_it_is_told_once_a_turn(web: WebStub) -> None:
    """Not for the second slow tool, nor by the model that takes over from one that failed."""

    def fail(asked: Asked) -> str | list[Ask | str]:
        return "" if asked.outcomes else [Ask("hours")]

    async with ModelStub(act=fail) as broken, one_after_the_other("hours", "other") as model:
        events = await ask(request(web), broken, model)

    assert said(events) == [PHRASE, "It opens at nine."]
    assert len(web.received) == 2


async def test_an_answer_without_a_letter_is_told_all_the_same(web: WebStub) -> None:
    """The phrase does not stand for the answer."""

    def act(asked: Asked) -> str | list[Ask | str]:
        return "%" if asked.outcomes else [Ask("hours")]

    async with ModelStub(act=act) as model:
        assert said(await ask(request(web), model)) == [PHRASE, "%"]


@pytest.mark.parametrize("how", ["left", "cancelled", "cancelled before it"])
async def test_a_caller_who_hangs_up(web: WebStub, how: str) -> None:
    """The tool's request ends with the turn, whether anybody waits for it just then or not."""
    told = asyncio.Event()
    before = asyncio.all_tasks()

    async def listen(agent: ModelAgent) -> None:
        async with aclosing(agent.reply(request(web, "/slow/15"))) as events:
            async for event in events:
                if isinstance(event, Sentence):
                    told.set()
                    if how == "left":
                        return

    async with one_after_the_other("hours") as model, agent_of(model) as agent:
        listening = asyncio.create_task(listen(agent))
        if how == "cancelled before it":
            await asyncio.sleep(0.5)
        else:
            await told.wait()
        if how != "left":
            assert web.at_once == 1
            listening.cancel()
        await asyncio.wait([listening])
        tools = [task for task in asyncio.all_tasks() - before if task.get_name() == "tools"]
        async with asyncio.timeout(2):
            while web.at_once:
                await asyncio.sleep(0.01)

    assert told.is_set() == (how != "cancelled before it")
    assert listening.cancelled() == (how != "left")
    assert tools == []
