"""Tools for a model that is held to a JSON schema: what it is told, and how its answer is read."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import jsonschema_rs
import pytest
from pydantic_ai.tools import ToolDefinition

from dialogari.agent.answer import ModelAgent
from dialogari.agent.chat.by_schema import Reading, explain_tools, response_format
from dialogari.agent.models import Models
from dialogari.agent.outbound import Outbound
from dialogari.agent.provider import Provider
from dialogari.agent.tools import HttpTools
from dialogari.tool import Tool, ToolCall, ToolStatus, ToolUsed
from dialogari.turn import AgentDone, AgentEvent, AgentRequest, Message, Role, TextDelta
from model_stub import SECRET, Act, Asked, ModelStub
from web_stub import WebStub

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "day": {"type": "string", "enum": ["monday", "sunday"], "pattern": "^[a-z]+$"},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}},
    },
    "required": ["day"],
    "$defs": {"tag": {"type": "string"}},
}
HOURS = ToolDefinition(name="hours", description="When.", parameters_json_schema=SCHEMA)
CALL = '{"action": "hours", "args": {"day": "monday"}}'


def _say(text: str) -> str:
    return json.dumps({"action": "answer", "say": text})


@pytest.mark.parametrize(
    "text",
    [
        "At nine.",
        'He said "nine"\\/ \n\t and {"action": "answer"}',
        "¿A las 9? 🇪🇸👨‍👩‍👧 café",
        "x" * 500,
    ],
)
@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_words_are_read_as_they_are_written(text: str, size: int) -> None:
    """However the JSON is cut in pieces: every word comes, once, as early as it is there."""
    for written in (_say(text), json.dumps({"action": "answer", "say": text}, ensure_ascii=False)):
        reading = Reading()
        pieces = [reading.feed(written[at : at + size]) for at in range(0, len(written), size)]
        assert "".join(pieces) + str(reading.close()) == text
        assert reading.close() == ""
        if size == 1 and text.startswith("x"):
            assert sum(map(bool, pieces)) == len(text)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (CALL, ("hours", '{"day": "monday"}')),
        ('\n{ "action":"hours" ,"args":{}}', ("hours", "{}")),
        ('{"action": "hours"}', ("hours", "{}")),
        ('{"action": "hours", "args": {"day": "mon', ""),  # cut off
        ('{"say": "hello", "action": "answer"}', "hello"),
        ("We open at nine.", "We open at nine."),  # a server that knows no schemas
        ("[1, 2]", "[1, 2]"),
        ("", ""),
        ('{"action": "answer", "say": "half an emo', ""),  # said already
    ],
)
def test_what_else_a_model_writes(written: str, read: object) -> None:
    """A call, or words; what was cut off in mid-call is nothing."""
    reading = Reading()
    reading.feed(written)

    assert reading.close() == read


def test_the_schema_holds_a_model_to_the_form() -> None:
    """It allows what we read and nothing else, and has only what grammars know."""
    schema = response_format([HOURS], may_call=True)["json_schema"]["schema"]
    valid = jsonschema_rs.validator_for(schema).is_valid

    assert valid(json.loads(CALL))
    assert valid(json.loads(_say("x")))
    for wrong in ("{}", '{"action": "x"}', '{"action": "hours", "args": {"day": "x"}}'):
        assert not valid(json.loads(wrong))
    assert "$ref" not in json.dumps(schema)
    assert "pattern" not in json.dumps(schema)
    answer_only = response_format([HOURS], may_call=False)["json_schema"]["schema"]
    assert not jsonschema_rs.validator_for(answer_only).is_valid(json.loads(CALL))


def test_a_prompt_begins_as_it_would_without_tools() -> None:
    """What was read of it before is of use; without tools it is unchanged."""
    assert explain_tools("Be brief.", []) == "Be brief."
    explained = explain_tools("Be brief.", [HOURS])
    assert explained.startswith("Be brief.")
    assert "- hours: When." in explained


async def _ask(act: Act, **changes: Any) -> tuple[list[AgentEvent], list[Asked]]:
    outbound = Outbound([ip_network("127.0.0.1/32")])
    async with WebStub() as web, ModelStub(act=act) as model:
        tool = Tool("hours", "When.", SCHEMA, web.url, result_path="open")
        provider = Provider("local", model.url, "m", SECRET, tools_by_schema=True, hangs_up=True)
        models = Models([provider], "local")
        request = AgentRequest("When?", "Be brief.", "local:m", tools=[tool])
        agent = ModelAgent(models, tools=HttpTools(outbound))
        async with aclosing(agent.reply(replace(request, **changes))) as events:
            found = [event async for event in events]
        await models.aclose()
        await outbound.aclose()
        return found, model.asked


async def test_a_tool_is_called_and_used() -> None:
    """No tools are sent but in the prompt; the outcome comes as a message, the answer as text."""

    def act(asked: Asked) -> str:
        return _say("At nine, sir.") if "Result of" in asked.question else CALL

    events, asked = await _ask(act)

    assert isinstance(events[-1], AgentDone)
    assert events[-1].text == "At nine, sir."
    assert [e.call.status for e in events if isinstance(e, ToolUsed)] == ["running", "ok"]
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "At nine, sir."
    first, second = asked
    assert first.tools == []
    assert [m["role"] for m in second.messages] == ["system", "user", "assistant", "user"]
    assert second.instructions == first.instructions
    assert json.loads(second.messages[2]["content"]) == json.loads(CALL)
    assert second.question == "Result of hours: nine"


async def test_a_model_that_never_stops_asking() -> None:
    """In the end the schema lets it do nothing but answer; the prompt stays as it was."""
    events, asked = await _ask(lambda asked: CALL if "hours" in asked.form else _say("Enough."))

    assert isinstance(events[-1], AgentDone)
    assert (events[-1].text, len(asked)) == ("Enough.", 4)
    assert len({a.instructions for a in asked}) == 1


async def test_earlier_calls_without_tools_now() -> None:
    """They are told as text, and the model answers in plain words."""
    call = ToolCall("x", "hours", {"day": "monday"}, 1, ToolStatus.OK, "", "ten", 0.1)
    history = [Message(Role.CALLER, "hi"), Message(Role.ASSISTANT, "At ten.", [call])]

    events, asked = await _ask(lambda _: "Plainly.", history=history, tools=[])

    assert isinstance(events[-1], AgentDone)
    assert events[-1].text == "Plainly."
    assert [m["content"] for m in asked[0].messages] == [
        "Be brief.",
        "hi",
        '{"action": "hours", "args": {"day": "monday"}}',
        "Result of hours: ten",
        "At ten.",
        "When?",
    ]
