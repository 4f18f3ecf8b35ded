"""pydantic-ai's messages, settings and tools as the body of a request."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    InstructionPart,
    ModelRequest,
    SystemPromptPart,
    TextContent,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from dialogari.agent.chat.by_schema import explain_tools, in_this_form, response_format

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic_ai.messages import ModelMessage, ModelRequestPart, ModelResponse
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.tools import ToolDefinition

_SETTINGS: Final[Mapping[str, str]] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "stop_sequences": "stop",
    "parallel_tool_calls": "parallel_tool_calls",
}

_Json = dict[str, Any]


def encode_request(
    model: str,
    messages: Sequence[ModelMessage],
    settings: ModelSettings | None,
    parameters: ModelRequestParameters,
    *,
    token_limit: str,
) -> bytes:
    """Return the body of a streamed request; `token_limit`: what this server calls max_tokens.

    Raises:
        UserError: a message holds what is no text.
    """
    given = cast("Mapping[str, Any]", settings or {})
    body: _Json = {
        "model": model,
        "messages": list(_messages(messages, parameters)),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if tools := [*parameters.function_tools, *parameters.output_tools]:
        body["tools"] = [_tool(tool) for tool in tools]
        body["tool_choice"] = _tool_choice(given, parameters)
    body.update({theirs: given[ours] for ours, theirs in _SETTINGS.items() if ours in given})
    if "max_tokens" in given:
        body[token_limit] = given["max_tokens"]
    extra: _Json = given.get("extra_body") or {}
    body.update(extra)
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:  # half an emoji in the caller's words: only an escape can carry it
        return json.dumps(body).encode()


def encode_by_schema(
    model: str,
    messages: Sequence[ModelMessage],
    settings: ModelSettings | None,
    parameters: ModelRequestParameters,
    *,
    token_limit: str,
) -> bytes:
    """Return the body of a request to a model whose tools are explained in its prompt.

    Raises:
        UserError: a message holds what is no text.
    """
    tools = parameters.function_tools
    given = cast("Mapping[str, Any]", settings or {})
    if tools:
        extra: _Json = given.get("extra_body") or {}
        may_call = given.get("tool_choice") != "none"
        form = {**extra, "response_format": response_format(tools, may_call=may_call)}
        settings = cast("ModelSettings", {**given, "extra_body": form})
    parts = parameters.instruction_parts or [InstructionPart(content="")]
    first = "\n\n".join(part.content for part in parts)
    explained = explain_tools(first, tools)
    plain = replace(
        parameters,
        function_tools=[],
        instruction_parts=[InstructionPart(content=explained)] if explained else None,
    )
    told = list(in_this_form(messages, with_tools=bool(tools)))
    return encode_request(model, told, settings, plain, token_limit=token_limit)


def _tool_choice(given: Mapping[str, Any], parameters: ModelRequestParameters) -> str:
    if not parameters.allow_text_output:
        return "required"
    return "none" if given.get("tool_choice") == "none" else "auto"


def _messages(
    messages: Sequence[ModelMessage], parameters: ModelRequestParameters
) -> Iterator[_Json]:
    if parts := parameters.instruction_parts:
        yield {"role": "system", "content": "\n\n".join(part.content for part in parts)}
    for message in messages:
        if isinstance(message, ModelRequest):
            yield from map(_request_part, message.parts)
        else:
            yield _response(message)


def _request_part(part: ModelRequestPart) -> _Json:
    match part:
        case SystemPromptPart():
            return {"role": "system", "content": part.content}
        case UserPromptPart():
            return {"role": "user", "content": _text(part)}
        case ToolReturnPart():
            content = part.model_response_str()
            return {"role": "tool", "tool_call_id": part.tool_call_id, "content": content}
        case _:
            raise UserError(f"a {part.part_kind} cannot be sent")


def _text(part: UserPromptPart) -> str:
    if isinstance(part.content, str):
        return part.content
    pieces: list[str] = []
    for item in part.content:
        match item:
            case str():
                pieces.append(item)
            case TextContent():
                pieces.append(item.content)
            case _:
                raise UserError("only text can be sent")
    return "\n\n".join(pieces)


def _response(message: ModelResponse) -> _Json:
    text = "".join(part.content for part in message.parts if isinstance(part, TextPart))
    calls = [
        {
            "id": part.tool_call_id,
            "type": "function",
            "function": {"name": part.tool_name, "arguments": part.args_as_json_str()},
        }
        for part in message.parts
        if isinstance(part, ToolCallPart)
    ]
    said: _Json = {"role": "assistant", "content": text or None}
    return {**said, "tool_calls": calls} if calls else {**said, "content": text}


def _tool(tool: ToolDefinition) -> _Json:
    function = {
        "name": tool.name,
        "description": tool.description or "",
        "parameters": tool.parameters_json_schema,
    }
    return {"type": "function", "function": function}
