"""What a server is asked, as the body of a request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    ImageUrl,
    InstructionPart,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from dialogari.agent.chat.body import encode_request

HOURS = ToolDefinition(
    name="hours",
    description="Opening hours.",
    parameters_json_schema={"type": "object", "properties": {"day": {"type": "string"}}},
)


def _body(
    messages: list[ModelMessage],
    settings: ModelSettings | None = None,
    parameters: ModelRequestParameters | None = None,
) -> dict[str, Any]:
    encoded = encode_request(
        "m", messages, settings, parameters or ModelRequestParameters(), token_limit="max_tokens"
    )
    return json.loads(encoded)


def test_a_conversation_with_tools() -> None:
    """Instructions first, then everything in its order; thoughts are not sent back."""
    messages: list[ModelMessage] = [
        ModelRequest(parts=[SystemPromptPart("Old."), UserPromptPart("When?")]),
        ModelResponse(
            parts=[ThinkingPart("hm"), TextPart("One moment."), ToolCallPart("hours", "{}", "c1")]
        ),
        ModelRequest(parts=[ToolReturnPart("hours", {"open": 9}, tool_call_id="c1")]),
        ModelResponse(parts=[ToolCallPart("hours", {"day": "Sunday"}, "c2")]),
        ModelRequest(parts=[ToolReturnPart("hours", "closed", tool_call_id="c2")]),
        ModelResponse(parts=[TextPart("At nine.")]),
        ModelRequest(parts=[UserPromptPart(["And", "then?"])]),
    ]
    instructions = [InstructionPart("Be brief."), InstructionPart("Be nice.")]
    parameters = ModelRequestParameters(function_tools=[HOURS], instruction_parts=instructions)

    body = _body(messages, parameters=parameters)

    assert body["messages"] == [
        {"role": "system", "content": "Be brief.\n\nBe nice."},
        {"role": "system", "content": "Old."},
        {"role": "user", "content": "When?"},
        {
            "role": "assistant",
            "content": "One moment.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "hours", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": '{"open":9}'},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c2",
                    "type": "function",
                    "function": {"name": "hours", "arguments": '{"day":"Sunday"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c2", "content": "closed"},
        {"role": "assistant", "content": "At nine."},
        {"role": "user", "content": "And\n\nthen?"},
    ]
    assert body["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "hours",
                "description": "Opening hours.",
                "parameters": HOURS.parameters_json_schema,
            },
        }
    ]
    assert body["tool_choice"] == "auto"


def test_settings() -> None:
    """Each under the server's name; the extra body over all; nothing that was not set."""
    messages: list[ModelMessage] = [ModelRequest(parts=[UserPromptPart("x")])]
    settings = ModelSettings(
        temperature=0.2,
        max_tokens=50,
        stop_sequences=["\n"],
        extra_body={"return_progress": True, "stream_options": None},
    )

    body = _body(messages, settings)

    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "x"}],
        "stream": True,
        "stream_options": None,
        "temperature": 0.2,
        "max_tokens": 50,
        "stop": ["\n"],
        "return_progress": True,
    }


def test_half_an_emoji() -> None:
    """Words that no UTF-8 can hold are sent as the escape that they came as."""
    body = _body([ModelRequest(parts=[UserPromptPart("hi \ud83d")])])

    assert body["messages"] == [{"role": "user", "content": "hi \ud83d"}]


def test_what_is_no_text() -> None:
    """A picture can't be sent over a telephone."""
    with pytest.raises(UserError):
        _body([ModelRequest(parts=[UserPromptPart([ImageUrl("http://127.0.0.1/x.png")])])])
