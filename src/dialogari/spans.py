"""Turns as OpenTelemetry spans, named as its conventions for generative AI have it.

    invoke_agent PROMPT     one turn
    ├── chat MODEL          each request to a model, those that failed with `error.type`
    └── execute_tool NAME   each tool call

Spans are made when a turn has ended, from what its response tells, with the times it had: a turn
pays nothing on its way, and without the extra `otel` this module is not imported. What was said is
in them only with LOG_CONTENT.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

from dialogari.tool import ToolStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer
    from opentelemetry.util.types import AttributeValue

    from dialogari.asked import Asked
    from dialogari.tool import ToolCall
    from dialogari.turn import TurnRequest, TurnResponse

_PROVIDERS: Final[Mapping[str, str]] = {"gemini": "gcp.gemini"}
"""Where the conventions have a name of their own."""
_NANO: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Part:
    """One span to make; times on the event loop's clock."""

    name: str
    attributes: Mapping[str, AttributeValue]
    began: float
    seconds: float
    kind: SpanKind = SpanKind.INTERNAL
    error: str = ""


class TurnSpans:
    """Hands each turn to a tracer. `content`: with what was said."""

    def __init__(self, tracer: Tracer, *, content: bool) -> None:
        self._tracer = tracer
        self._content = content

    def write(self, request: TurnRequest, response: TurnResponse, seconds: float) -> None:
        """Make the spans of a turn that has just ended, after `seconds`."""
        now = asyncio.get_running_loop().time()
        offset = time.time() - now
        # The last piece of an answer is fetched by a visit of its own, long after the question.
        began = min([now - seconds, *(asked.began for asked in response.asked)])
        whole = _turn(request, response, began, now - began, content=self._content)
        parent = self._make(whole, offset, None)
        for asked in response.asked:
            self._make(_chat(asked), offset, parent)
        ended = [one.began + one.seconds for one in response.asked if not one.reason]
        for call in response.tool_calls:
            began = ended[call.step - 1] if call.step <= len(ended) else whole.began
            self._make(_tool(call, began, content=self._content), offset, parent)

    def _make(self, part: _Part, offset: float, parent: Context | None) -> Context:
        span = self._tracer.start_span(
            part.name,
            context=parent,
            kind=part.kind,
            attributes=part.attributes,
            start_time=int((part.began + offset) * _NANO),
        )
        if part.error:
            span.set_attribute("error.type", part.error)
            span.set_status(Status(StatusCode.ERROR))
        span.end(int((part.began + part.seconds + offset) * _NANO))
        return set_span_in_context(span)


def _turn(
    request: TurnRequest, response: TurnResponse, began: float, seconds: float, *, content: bool
) -> _Part:
    attributes: dict[str, AttributeValue] = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": response.prompt,
        "gen_ai.conversation.id": request.conversation.id,
        "gen_ai.request.model": response.model,
        "gen_ai.usage.input_tokens": response.usage.input_tokens,
        "gen_ai.usage.output_tokens": response.usage.output_tokens,
        "dialogari.turn.number": response.number,
        "dialogari.turn.status": str(response.status),
    }
    if response.usage.cost is not None:
        attributes["dialogari.turn.cost"] = response.usage.cost
    if content:
        attributes["gen_ai.input.messages"] = _message("user", request.text)
        attributes["gen_ai.output.messages"] = _message("assistant", response.text)
    name = f"invoke_agent {response.prompt}".rstrip()
    return _Part(name, attributes, began, seconds, error=response.reason)


def _chat(asked: Asked) -> _Part:
    provider, _, model = asked.model.partition(":")
    attributes: dict[str, AttributeValue] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _PROVIDERS.get(provider, provider),
        "gen_ai.request.model": model,
        "gen_ai.request.stream": True,
        "gen_ai.usage.input_tokens": asked.usage.input_tokens,
        "gen_ai.usage.output_tokens": asked.usage.output_tokens,
    }
    if asked.first_token is not None:
        attributes["gen_ai.response.time_to_first_chunk"] = asked.first_token
    name = f"chat {model}"
    return _Part(name, attributes, asked.began, asked.seconds, SpanKind.CLIENT, asked.reason)


def _tool(call: ToolCall, began: float, *, content: bool) -> _Part:
    attributes: dict[str, AttributeValue] = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": call.name,
        "gen_ai.tool.call.id": call.id,
        "gen_ai.tool.type": "function",
    }
    if content:
        attributes["gen_ai.tool.call.arguments"] = json.dumps(call.arguments, ensure_ascii=False)
        attributes["gen_ai.tool.call.result"] = call.result
    error = call.reason if call.status is ToolStatus.FAILED else ""
    return _Part(f"execute_tool {call.name}", attributes, began, call.seconds, error=error)


def _message(role: str, text: str) -> str:
    message = [{"role": role, "parts": [{"type": "text", "content": text}]}]
    return json.dumps(message, ensure_ascii=False)
