"""The agent: asks a model, runs the tools it asks for, and streams its answer.

Plays `dialogari.turn.Agent`. Whatever goes wrong leaves as a `TurnError` with a reason of our own:
what servers write into their errors may hold keys and callers' words.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    UserPromptPart,
)

from dialogari.agent.calls import Calls, tell
from dialogari.agent.fallback import plan
from dialogari.agent.reasons import TOO_MANY_CALLS, reason_for_silence
from dialogari.agent.request import Request, has_words
from dialogari.agent.speech import make_speakable
from dialogari.agent.telephone import Notes, phone_tools
from dialogari.agent.template import fill
from dialogari.tool import McpChoice, Tool, ToolUsed
from dialogari.turn import (
    AgentDone,
    FellBack,
    Role,
    Status,
    TextDelta,
    TurnError,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from pydantic_ai.messages import ModelMessage

    from dialogari.agent.fallback import Attempt, Fallback
    from dialogari.agent.mcp.servers import McpServers
    from dialogari.agent.models import Models
    from dialogari.agent.tools import AgentTool, HttpTools
    from dialogari.turn import AgentEvent, AgentRequest, Message


class ModelAgent:
    """Answers with the models it is given; where one fails before a word, with the fallback.

    `tools` and `servers` make the tools of a request ready; None: there are none of that kind.
    """

    def __init__(
        self,
        models: Models,
        fallback: Fallback | None = None,
        tools: HttpTools | None = None,
        servers: McpServers | None = None,
    ) -> None:
        self._models = models
        self._fallback = fallback
        self._tools = tools
        self._servers = servers

    def resolve(self, model: str | None) -> str:
        """Return `provider:model`. Raises TurnError `unknown_model`."""
        return self._models.resolve(model)

    async def reply(self, request: AgentRequest) -> AsyncGenerator[AgentEvent]:
        """Stream the answer, then `AgentDone`. Raises TurnError."""
        notes = Notes()
        # Of two tools with one name the last counts: nothing stands in for the telephone's.
        offered = (*await self._prepare(request), *phone_tools(request.telephone, notes))
        # One for all attempts: what tools have done is done, whichever model goes on.
        transcript = _Transcript(list(_messages(request)), Calls(offered, request.deadline))
        patient = self._models.provider(request.model).patient
        attempts = plan(request.model, self._fallback, patient=patient)
        for attempt, following in zip(attempts, (*attempts[1:], None), strict=True):
            answer = _Answer(attempt, self._models, transcript, request.language)
            try:
                async with aclosing(answer.read()) as events:
                    async for event in events:
                        yield event
            except TurnError as error:
                if answer.begun or following is None:
                    raise
                yield FellBack(following.model, error.reason)
            else:
                yield AgentDone(answer.text, transcript.usage, notes.read())
                return

    async def _prepare(self, request: AgentRequest) -> Sequence[AgentTool]:
        chosen = [tool for tool in request.tools if isinstance(tool, McpChoice)]
        rows = [tool for tool in request.tools if isinstance(tool, Tool)]
        return [
            *(await self._servers.prepare(chosen) if self._servers else ()),
            *(self._tools.prepare(rows) if self._tools else ()),
        ]


@dataclass(slots=True)
class _Transcript:
    """What has been said and done so far in this turn and before it."""

    messages: list[ModelMessage]
    calls: Calls
    usage: Usage = field(default_factory=Usage)

    def count(self, usage: Usage) -> None:
        self.usage = Usage(
            self.usage.input_tokens + usage.input_tokens,
            self.usage.output_tokens + usage.output_tokens,
        )


@dataclass(slots=True)
class _Answer:
    """One model's attempt at an answer, in as many requests as it needs tools."""

    attempt: Attempt
    models: Models
    transcript: _Transcript
    language: str | None
    begun: bool = False
    """Words of it have been handed on."""
    text: str = ""
    _written: str = ""
    _parted: bool = False
    """Tools have been asked since the last word."""

    async def read(self) -> AsyncGenerator[TextDelta | ToolUsed]:
        """Yield text and tool calls; `text` is there at the end. Raises TurnError."""
        while True:
            request = Request(
                self.attempt, self.models, self.transcript.messages, self.transcript.calls
            )
            async with aclosing(self._say(request)) as pieces:
                async for piece in pieces:
                    yield piece
            self.transcript.count(request.usage)
            if not request.calls_tools:
                break
            async with aclosing(self._use_tools(request)) as uses:
                async for use in uses:
                    yield use
        self.text = make_speakable(self._written, self.language)
        if not self.text:
            raise TurnError(
                Status.MODEL_ERROR, reason_for_silence(request.provider, request.finish_reason)
            )
        if not self.begun:  # a sign that is said by its name, an emoji
            yield TextDelta(self._written)

    async def _say(self, request: Request) -> AsyncGenerator[TextDelta]:
        """Hand on the words of one request, from the first one that can be said."""
        kept = ""
        async with aclosing(request.read()) as pieces:
            async for piece in pieces:
                kept += piece
                if not self.begun and not has_words(kept):
                    continue
                if kept:
                    self.begun = True
                    yield self._write(kept)
                    kept = ""
        self._written += kept

    def _write(self, piece: str) -> TextDelta:
        if self._parted and not piece[0].isspace():
            piece = f" {piece}"  # what was said before a tool was asked is a sentence of its own
        self._parted = False
        self._written += piece
        return TextDelta(piece)

    async def _use_tools(self, request: Request) -> AsyncGenerator[ToolUsed]:
        """Run what the model asks for; it and the outcomes join the transcript together."""
        calls = self.transcript.calls
        if not calls.allowed:
            raise TurnError(Status.MODEL_ERROR, f"{request.provider}.{TOO_MANY_CALLS}")
        response, asked = calls.read(request.response)
        for call in asked:
            yield ToolUsed(call)
        ended = await calls.run(asked)
        for call in ended:
            yield ToolUsed(call)
        self._parted = bool(self._written) and not self._written[-1].isspace()
        self.transcript.messages += (response, ModelRequest(parts=tell(ended)))


def _messages(request: AgentRequest) -> Iterator[ModelMessage]:
    for number, message in enumerate(request.history):
        yield from _past(message, number)
    yield ModelRequest(
        parts=[UserPromptPart(request.question)],
        instructions=fill(request.instructions, request.facts),
    )


def _past(message: Message, number: int) -> Iterator[ModelMessage]:
    if message.role is Role.CALLER:
        yield ModelRequest(parts=[UserPromptPart(message.text)])
        return
    # Ids are given anew: each provider wants its own form of them, and some that none is repeated.
    calls = [
        replace(call, id=f"past_{number}_{place}") for place, call in enumerate(message.tool_calls)
    ]
    for _, together in groupby(calls, attrgetter("step")):
        asked = list(together)
        yield ModelResponse(
            parts=[ToolCallPart(call.name, dict(call.arguments), call.id) for call in asked]
        )
        yield ModelRequest(parts=tell(asked))
    yield ModelResponse(parts=[TextPart(message.text)])
