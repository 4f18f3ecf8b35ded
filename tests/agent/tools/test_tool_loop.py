"""The loop over tools: a model that asks for them, over real HTTP on both sides."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import Any

import pytest

from dialogari.agent.answer import ModelAgent
from dialogari.agent.fallback import Fallback
from dialogari.agent.models import Models
from dialogari.agent.outbound import Outbound
from dialogari.agent.provider import Provider
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
    TextDelta,
    TurnError,
)
from model_stub import POISON, SECRET, Act, Ask, Asked, ModelStub
from web_stub import WebStub

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"day": {"type": "string", "enum": ["Monday", "Sunday"]}},
    "required": ["day"],
}
MONDAY = '{"day": "Monday"}'


@pytest.fixture
async def web() -> AsyncGenerator[WebStub]:
    """Run somebody's web service."""
    async with WebStub() as stub:
        yield stub


@dataclass
class Told:
    """What came of a question."""

    events: list[AgentEvent] = field(default_factory=list[AgentEvent])

    @property
    def text(self) -> str:
        """The answer."""
        done = self.events[-1]
        assert isinstance(done, AgentDone)
        assert "".join(e.text for e in self.events if isinstance(e, TextDelta)) == done.text
        return done.text

    @property
    def calls(self) -> list[ToolCall]:
        """Those that ended."""
        used = [event.call for event in self.events if isinstance(event, ToolUsed)]
        return [call for call in used if call.status is not ToolStatus.RUNNING]

    @property
    def outcomes(self) -> list[str]:
        """Each one's reason, or `ok`."""
        return [call.reason or str(call.status) for call in self.calls]


def hours(web: WebStub, path: str = "/hours", **changes: Any) -> Tool:
    """Return a tool at a path of the web service."""
    tool = Tool("hours", "When the shop is open.", SCHEMA, web.url + path, result_path="open")
    return replace(tool, **changes)


async def ask(
    model: ModelStub,
    tools: Sequence[Tool],
    *,
    backup: ModelStub | None = None,
    history: Sequence[Message] = (),
    seconds: float = 20,
    first_token: float = 2.0,
) -> Told:
    """Ask a question of a model that has tools."""
    providers = [Provider("openai", model.url, "stub", SECRET)]
    if backup is not None:
        providers.append(Provider("backup", backup.url, "b", SECRET))
    models = Models(providers, "openai")
    outbound = Outbound([ip_network("127.0.0.1/32")])
    fallback = Fallback("backup:b", first_token) if backup is not None else None
    agent = ModelAgent(models, fallback, HttpTools(outbound))
    deadline = asyncio.get_running_loop().time() + seconds
    request = AgentRequest(
        "When?", "Be brief.", "openai:stub", tools=tools, history=history, deadline=deadline
    )
    told = Told()
    try:
        async with aclosing(agent.reply(request)) as events:
            async for event in events:
                told.events.append(event)
    finally:
        await models.aclose()
        await outbound.aclose()
    return told


def once(*asks: Ask | str) -> Act:
    """Ask so first; then say what the last tool has said."""

    def act(asked: Asked) -> str | list[Ask | str]:
        return f"I heard: {asked.outcomes[-1]}" if asked.outcomes else list(asks)

    return act


async def test_a_tool_is_called_and_used(web: WebStub) -> None:
    """The model is offered the tool, asks, is told, and answers; both requests are counted."""
    async with ModelStub(act=once(Ask("hours", MONDAY))) as model:
        told = await ask(model, [hours(web)])

    assert told.text == "I heard: nine"
    running, ended = (event.call for event in told.events[2:4] if isinstance(event, ToolUsed))
    assert (running.status, running.id, running.name) == (ToolStatus.RUNNING, ended.id, "hours")
    assert (ended.status, ended.result, ended.arguments) == ("ok", "nine", {"day": "Monday"})
    assert 0 < ended.seconds < 5
    done = told.events[-1]
    assert isinstance(done, AgentDone)
    assert (done.usage.input_tokens, done.usage.output_tokens) == (22, 14)
    assert web.received[0].path == "/hours?day=Monday"
    first, second = model.asked
    assert first.tools[0]["function"] == {
        "name": "hours",
        "description": "When the shop is open.",
        "parameters": SCHEMA,
    }
    assert [m["role"] for m in second.messages] == ["system", "user", "assistant", "tool"]
    call = second.messages[2]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"day": "Monday"}
    assert second.messages[3]["tool_call_id"] == call["id"]


async def test_words_before_a_tool_are_part_of_the_answer(web: WebStub) -> None:
    """They are spoken first, and kept apart from what follows."""
    async with ModelStub(act=once("One moment.", Ask("hours", MONDAY))) as model:
        told = await ask(model, [hours(web)])

    assert told.text == "One moment. I heard: nine"
    assert isinstance(told.events[1], TextDelta)
    assert model.asked[1].messages[2]["content"] == "One moment."


async def test_two_tools_at_once(web: WebStub) -> None:
    """They run side by side, and come back in the order asked for."""
    slow = hours(web, "/slow/0.3")
    other = replace(slow, name="other")
    asks = [Ask("hours", MONDAY, "a"), Ask("other", MONDAY, "b"), Ask("hours", MONDAY, "c")]
    began = time.monotonic()
    async with ModelStub(act=once(*asks)) as model:
        told = await ask(model, [slow, other])

    assert web.most_at_once == 3
    assert time.monotonic() - began < 0.9 + 1.0
    assert [(call.name, call.id, call.step) for call in told.calls] == [
        ("hours", "a", 1),
        ("other", "b", 1),
        ("hours", "c", 1),
    ]
    assert [m["tool_call_id"] for m in model.asked[1].messages[-3:]] == ["a", "b", "c"]


async def test_bad_arguments_are_corrected_by_the_model(web: WebStub) -> None:
    """Refused by the schema, or no JSON at all: the model is told and asks again."""

    def act(asked: Asked) -> str | list[Ask | str]:
        tries = ['{"day": "Freitag"}', '{"day": "Mon', "[1]", '"x"', MONDAY]
        done = len(asked.outcomes)
        return [Ask("hours", tries[done])] if done < len(tries) else asked.outcomes[-1]

    async with ModelStub(act=act) as model:
        told = await ask(model, [hours(web)])

    assert told.text == "nine"
    assert told.outcomes == ["arguments", *["arguments_json"] * 3, "ok"]
    assert "Freitag" in model.asked[-1].outcomes[0]
    assert 'no JSON object: {\\"day\\": \\"Mon' in model.asked[-1].outcomes[1]
    for message in model.asked[-1].messages:  # servers that parse what they are sent live on
        for call in message.get("tool_calls", ()):
            assert isinstance(json.loads(call["function"]["arguments"]), dict)
    assert len({call.id for call in told.calls}) == 5
    assert len(web.received) == 1


async def test_a_tool_that_there_is_not(web: WebStub) -> None:
    """The model is told which ones there are; odd names and ids harm nobody."""
    asks = [Ask("Hours!", MONDAY, "a"), Ask("", MONDAY, "a"), Ask("x" * 99, MONDAY, "é|" * 50)]
    async with ModelStub(act=once(*asks)) as model:
        told = await ask(model, [hours(web)])

    assert told.outcomes == ["unknown_tool"] * len(told.calls)
    assert told.text == 'I heard: {"error":"there is no such tool; there are: hours"}'
    assert len({call.id for call in told.calls}) == len(told.calls)
    assert not web.received


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/status/500", "http_500"),
        ("/html", "not_data"),
        ("/giant", "too_large"),
        ("/endless", "too_large"),
        ("/slow/30", "timeout"),
        ("/drip", "timeout"),
        ("/redirect/307", "address"),
    ],
)
async def test_a_tool_that_fails_costs_itself(
    web: WebStub, path: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer comes all the same, and the log has name and reason and no word of the server."""
    web.redirect = "http://169.254.169.254/"
    tool = hours(web, path, timeout=0.3 if reason == "timeout" else 10.0)
    async with ModelStub(act=once(Ask("hours", MONDAY))) as model:
        told = await ask(model, [tool])

    assert told.text.startswith('I heard: {"error":"')
    assert told.outcomes == [reason]
    logged = capsys.readouterr().out
    assert f"reason={reason}" in logged
    assert POISON not in told.text + logged


async def test_a_model_that_never_stops_asking(web: WebStub) -> None:
    """After eight times it may not ask again; one that does so all the same has failed."""

    def stubborn(asked: Asked) -> str | list[Ask | str]:
        return [Ask("hours", json.dumps({"day": "Monday", "n": len(asked.outcomes)}))]

    def obedient(asked: Asked) -> str | list[Ask | str]:
        return "Enough." if asked.tool_choice == "none" else stubborn(asked)

    async with ModelStub(act=obedient) as model:
        told = await ask(model, [hours(web)])
        assert (told.text, len(told.calls), len(model.asked)) == ("Enough.", 8, 9)
        assert [call.step for call in told.calls] == list(range(1, 9))
        assert {a.tool_choice for a in model.asked[:8]} == {"auto"}
        assert model.asked[8].tools
    async with ModelStub(act=stubborn) as model:
        with pytest.raises(TurnError) as caught:
            await ask(model, [hours(web)])
        assert (caught.value.status, caught.value.reason) == (
            Status.MODEL_ERROR,
            "openai.tool_limit",
        )
        assert len(model.asked) == 9


async def test_the_same_failing_call_again_and_again(web: WebStub) -> None:
    """It is sent twice; after that it is refused unsent, in whatever order its keys come."""
    schema = {"type": "object"}
    turns = ['{"a": 1, "b": 2}', '{"b": 2, "a": 1}', '{"a": 1,"b":2}', '{"a": 2}']

    def act(asked: Asked) -> str | list[Ask | str]:
        done = len(asked.outcomes)
        return [Ask("hours", turns[done])] if done < len(turns) else "Sorry."

    async with ModelStub(act=act) as model:
        told = await ask(model, [hours(web, "/status/500", parameters=schema)])

    assert told.outcomes == ["http_500", "http_500", "repeated", "http_500"]
    assert len(web.received) == 3


async def test_the_same_call_again_and_again(web: WebStub) -> None:
    """It is done once: the model is told the outcome again, and soon has to answer."""

    def act(asked: Asked) -> str | list[Ask | str]:
        return "Well." if asked.tool_choice == "none" else [Ask("hours", MONDAY)]

    async with ModelStub(act=act) as model:
        told = await ask(model, [hours(web, method="POST")])

    assert told.text == "Well."
    assert told.outcomes == ["ok", "repeated", "repeated"]
    assert model.asked[-1].outcomes == ["nine"] * 3
    assert len(web.received) == 1


async def test_a_call_that_was_no_json_is_not_that_call(web: WebStub) -> None:
    """Arguments that could not be read count for none that could."""
    tries = ["{", "[", "{", "{}"]

    def act(asked: Asked) -> str | list[Ask | str]:
        done = len(asked.outcomes)
        return [Ask("hours", tries[done])] if done < len(tries) else asked.outcomes[-1]

    async with ModelStub(act=act) as model:
        told = await ask(model, [hours(web, parameters={"type": "object"})])

    assert (told.text, told.outcomes[-1]) == ("nine", "ok")


async def test_too_many_calls_at_a_time(web: WebStub) -> None:
    """Eight are done, the others told so; each has its outcome."""
    asks = [Ask("hours", MONDAY, f"c{number}") for number in range(30)]
    async with ModelStub(act=once(*asks)) as model:
        told = await ask(model, [hours(web)])

    assert told.outcomes == ["ok"] * 8 + ["too_many"] * 22
    assert len(web.received) == 8
    assert len(model.asked[1].outcomes) == 30


async def test_tools_leave_the_model_time_to_answer(web: WebStub) -> None:
    """A tool has the turn's rest less a second and a half, whatever its row says."""
    began = time.monotonic()
    async with ModelStub(act=once(Ask("hours", MONDAY))) as model:
        told = await ask(model, [hours(web, "/slow/30", timeout=20.0)], seconds=2.0)
        late = await ask(model, [hours(web)], seconds=1.0)

    assert (told.outcomes, late.outcomes) == (["timeout"], ["no_time"])
    assert told.calls[0].seconds < 1.0
    assert time.monotonic() - began < 5
    assert len(web.received) == 1


async def test_arguments_without_end(web: WebStub) -> None:
    """Reading stops, and what there is of them is no JSON; nested too deep is refused as well."""
    deep = '{"day":' + "[" * 500 + "]" * 500 + "}"
    async with ModelStub(act=once(Ask("hours", '{"day": "' + "x" * 300_000))) as model:
        told = await ask(model, [hours(web)])
    async with ModelStub(act=once(Ask("hours", deep))) as model:
        nested = await ask(model, [hours(web)])

    assert told.outcomes == nested.outcomes == ["arguments_json"]


async def test_tool_calls_survive_a_change_of_model(web: WebStub) -> None:
    """What a tool has said is not asked again: the other model goes on from there."""
    async with (
        ModelStub(act=once(Ask("hours", MONDAY))) as model,
        ModelStub(act=once(Ask("hours", MONDAY))) as backup,
    ):

        def fail_next(asked: Asked) -> str | list[Ask | str]:
            model.fault = "http_500"
            return once(Ask("hours", MONDAY))(asked)

        model.act = fail_next
        told = await ask(model, [hours(web)], backup=backup)

    assert told.text == "I heard: nine"
    assert [event for event in told.events if isinstance(event, FellBack)] == [
        FellBack("backup:b", "openai.http_500")
    ]
    assert len(web.received) == 1
    assert backup.asked[0].outcomes == ["nine"]
    assert backup.asked[0].tools


async def test_after_a_word_nobody_takes_over(web: WebStub) -> None:
    """A model that has said something and fails after a tool has failed the turn."""
    async with ModelStub() as model, ModelStub() as backup:

        def fail_next(_asked: Asked) -> str | list[Ask | str]:
            model.fault = "http_500"
            return ["One moment.", Ask("hours", MONDAY)]

        model.act = fail_next
        with pytest.raises(TurnError, match="http_500"):
            await ask(model, [hours(web)], backup=backup)

    assert not backup.asked


async def test_a_call_is_a_sign_of_life(web: WebStub) -> None:
    """FIRST_TOKEN_DEADLINE ends with it; neither arguments nor the tool itself count."""
    asks = Ask("hours", MONDAY, pause=0.7)
    async with ModelStub(act=once(asks)) as model, ModelStub() as backup:
        told = await ask(model, [hours(web, "/slow/0.7")], backup=backup, first_token=0.5)

    assert told.text == "I heard: nine"
    assert not backup.asked


async def test_the_next_turn_knows_what_tools_have_said(web: WebStub) -> None:
    """Calls and outcomes of earlier turns are whole: steps apart, each outcome with its call."""
    past = [
        ToolCall("x", "hours", {"day": "Monday"}, 1, ToolStatus.OK, "", "nine", 0.1),
        ToolCall("x2", "hours", {"day": "x"}, 1, ToolStatus.FAILED, "arguments", "refused", 0.0),
        ToolCall("x", "hours", {"day": "Sunday"}, 2, ToolStatus.OK, "", "closed", 0.1),
    ]
    history = [
        Message(Role.CALLER, "When do you open?"),
        Message(Role.ASSISTANT, "At nine.", past),
        Message(Role.CALLER, "Thanks."),
        Message(Role.ASSISTANT, "Bye."),
    ]
    async with ModelStub(act=lambda asked: " ".join(asked.outcomes)) as model:
        told = await ask(model, [hours(web)], history=history)

    assert told.text == 'nine {"error":"refused"} closed'
    messages = model.asked[0].messages
    assert [m["role"] for m in messages] == [
        *("system", "user", "assistant", "tool", "tool", "assistant", "tool", "assistant"),
        *("user", "assistant", "user"),
    ]
    asked = [call["id"] for m in messages for call in m.get("tool_calls", ())]
    assert asked == [m["tool_call_id"] for m in messages if m["role"] == "tool"]
    assert len(set(asked)) == 3


async def test_a_caller_who_hangs_up_during_a_tool(web: WebStub) -> None:
    """The tool's request is broken off at once."""
    async with (
        ModelStub(act=once(Ask("hours", MONDAY))) as model,
        asyncio.TaskGroup() as tasks,
    ):
        asking = tasks.create_task(ask(model, [hours(web, "/slow/30", timeout=30.0)]))
        while not web.received:
            await asyncio.sleep(0.01)
        asking.cancel()
        async with asyncio.timeout(1):
            while web.at_once:
                await asyncio.sleep(0.01)
