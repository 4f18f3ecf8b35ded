"""`/turns`: a turn without a call, by the same way a call takes it.

That a turn fails is no error of HTTP: its `status` says it, as AI_STATUS does to a dialplan. With
`Accept: text/event-stream` the answer is streamed as the model writes it, and a client that leaves
ends the turn.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header
from pydantic import Field

from dialogari.tool import ToolUsed
from dialogari.turn import ConversationKey, Sentence, TextDelta, TurnDone, TurnRequest, TurnResponse
from dialogari.web.api.backend import Backend, Parts
from dialogari.web.api.conversations import UsageView
from dialogari.web.api.event_stream import MEDIA_TYPE, Event, EventStream
from dialogari.web.api.fields import CLOSED, PROMPT_NAME, Body, Text, View
from dialogari.web.api.problems import document
from dialogari.web.api.tools import view_call

router = APIRouter(prefix="/turns", tags=["turns"])

_LONGEST: Final = 20_000
_FACT: Final = r"^[A-Za-z0-9_]{1,64}$"
FactName = Annotated[str, Field(pattern=_FACT)]
FactValue = Annotated[Text, Field(max_length=4000)]


class Question(Body):
    """One question."""

    text: Text = Field(max_length=_LONGEST)
    """What the caller says."""
    session: Text | None = Field(None, min_length=1, max_length=512)
    """Goes on with this conversation, or begins it; null: a new one."""
    prompt: str | None = Field(None, pattern=PROMPT_NAME)
    """Null: the prompt named `default`."""
    prompt_content: Text | None = Field(None, max_length=200_000)
    """To try out before it is stored: stands in place of the prompt's own content."""
    model: Text | None = Field(None, min_length=1, max_length=200)
    """A provider's name or `provider:model`; null: the prompt's, else the setting's."""
    facts: dict[FactName, FactValue] = Field(
        default_factory=dict[str, str], max_length=100, json_schema_extra=CLOSED
    )
    """`{{ key }}` in the prompt stands for them."""

    def request(self) -> TurnRequest:
        """Return the turn's request."""
        return TurnRequest(
            text=self.text,
            conversation=ConversationKey("", self.session or f"api-{secrets.token_hex(8)}"),
            prompt=self.prompt,
            prompt_content=self.prompt_content,
            model=self.model,
            facts={name.lower(): value for name, value in self.facts.items()},
        )


class Answer(View):
    """What came of a turn."""

    text: str
    """The answer; empty when not ok."""
    status: str
    """As AI_STATUS: `ok`, `unknown_prompt`, `timeout`, `model_error` …"""
    error: str
    """As AI_ERROR: a reason for programs; empty when ok."""
    model: str
    """`provider:model` that answered."""
    session: str
    turn: int
    latency_ms: int
    usage: UsageView


class Delta(View):
    """A piece of the answer, as the model writes it."""

    text: str


_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The answer; as a stream the events `delta` (`{text}`), `tool` (a call that "
        "began or ended) and, at last, `done` (the whole answer).",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


@router.post("", response_model=Answer, responses={**_STREAM, **document()})
async def take_turn(
    parts: Parts, body: Question, accept: Annotated[str, Header(include_in_schema=False)] = ""
) -> Answer | EventStream:
    """Take a turn; with `Accept: text/event-stream` as a stream of events."""
    request = body.request()
    if MEDIA_TYPE in accept.lower():
        return EventStream(_stream(parts, request))
    clock = asyncio.get_running_loop().time
    began = clock()
    response = await parts.conversations.take_turn(request)
    return _conclude(parts, request, response, clock() - began)


async def _stream(parts: Backend, request: TurnRequest) -> AsyncGenerator[Event]:
    clock = asyncio.get_running_loop().time
    began = clock()
    done = False
    try:
        async with aclosing(parts.conversations.stream_turn(request)) as events:
            async for event in events:
                match event:
                    case TextDelta():
                        yield "delta", Delta(text=event.text)
                    case ToolUsed():
                        yield "tool", view_call(event.call)
                    case TurnDone():
                        done = True
                        seconds = clock() - began
                        yield "done", _conclude(parts, request, event.response, seconds)
                    case Sentence():  # told only where pieces are asked for
                        pass
    finally:
        if not done:
            parts.log.write_hang_up(request.conversation.id, clock() - began)


def _conclude(
    parts: Backend, request: TurnRequest, response: TurnResponse, seconds: float
) -> Answer:
    """Log the turn, as every door does, and return what the client is told."""
    parts.log.write(request, response, seconds)
    return Answer(
        text=response.text,
        status=response.status,
        error=response.reason,
        model=response.model,
        session=response.conversation.id,
        turn=response.number,
        latency_ms=round(seconds * 1000),
        usage=UsageView(
            input_tokens=response.usage.input_tokens, output_tokens=response.usage.output_tokens
        ),
    )
