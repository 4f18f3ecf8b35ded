"""What a model is told of a turn: what was said before it, the question, and what its tools did."""

from __future__ import annotations

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

from dialogari.agent.calls import tell
from dialogari.agent.history import recount
from dialogari.agent.speech import make_speakable
from dialogari.agent.template import fill
from dialogari.asked import Asked
from dialogari.turn import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_ai.messages import ModelMessage

    from dialogari.agent.calls import Calls
    from dialogari.turn import AgentRequest, Message


@dataclass(slots=True)
class Transcript:
    """What has been said and done so far in this turn and before it; made by `open_transcript`."""

    messages: list[ModelMessage]
    calls: Calls
    phrase: str = ""
    """What a slow tool is announced with; empty: it is not, or has been.

    The model is not told of it while it answers, for it did not say it. In later turns it reads it
    once, where the caller heard it: what is stored of an answer in pieces is what was told.
    """
    asked: list[Asked] = field(default_factory=list[Asked])

    def count(self, asked: Asked) -> Asked:
        """Add a request that ended, and return it."""
        self.asked.append(asked)
        return asked

    def take_phrase(self) -> str:
        """Return the phrase, which is told once a turn whichever model goes on."""
        phrase, self.phrase = self.phrase, ""
        return phrase


def open_transcript(request: AgentRequest, calls: Calls, history_tokens: int) -> Transcript:
    """Return the transcript of a turn that begins. Without pieces no tool is announced."""
    phrase = fill(request.phrase, request.facts) if request.pieces else ""
    return Transcript(
        list(_messages(request, history_tokens)), calls, make_speakable(phrase, request.language)
    )


def _messages(request: AgentRequest, history_tokens: int) -> Iterator[ModelMessage]:
    told, question = recount(request, history_tokens)
    for number, message in enumerate(told):
        yield from _past(message, number)
    yield ModelRequest(
        parts=[UserPromptPart(question)],
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
