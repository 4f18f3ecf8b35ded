"""The agent: asks a model and streams its answer. Plays `dialogari.turn.Agent`.

Whatever goes wrong leaves as a `TurnError` with a reason of our own: what servers write into
their errors may hold keys and callers' words.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog
from pydantic_ai.direct import model_request_stream
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    UserPromptPart,
)

from dialogari.agent.fallback import plan
from dialogari.agent.reasons import CLIENT_FAULT, ENDED_EARLY, LATE, reason_for, reason_for_silence
from dialogari.agent.speech import make_speakable
from dialogari.agent.template import fill
from dialogari.turn import AgentDone, FellBack, Role, Status, TextDelta, TurnError, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    from pydantic_ai.messages import ModelMessage, ModelResponseStreamEvent

    from dialogari.agent.fallback import Attempt, Fallback
    from dialogari.agent.models import Models
    from dialogari.turn import AgentEvent, AgentRequest, Message

LONGEST_ANSWER: Final = 100_000
"""Characters read of one answer. The dialplan gets at most 32,000 bytes of it, and a model that
never stops must not fill the memory until the deadline."""

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.agent")


class ModelAgent:
    """Answers with the models it is given; where one fails before a word, with the fallback."""

    def __init__(self, models: Models, fallback: Fallback | None = None) -> None:
        self._models = models
        self._fallback = fallback

    def resolve(self, model: str | None) -> str:
        """Return `provider:model`. Raises TurnError `unknown_model`."""
        return self._models.resolve(model)

    async def reply(self, request: AgentRequest) -> AsyncGenerator[AgentEvent]:
        """Stream the answer, then `AgentDone`. Raises TurnError."""
        messages = list(_messages(request))
        patient = self._models.provider(request.model).patient
        attempts = plan(request.model, self._fallback, patient=patient)
        for attempt, following in zip(attempts, (*attempts[1:], None), strict=True):
            answer = _Answer(attempt, self._models, messages, request.language)
            try:
                async with aclosing(answer.read()) as pieces:
                    async for piece in pieces:
                        yield TextDelta(piece)
            except TurnError as error:
                if answer.begun or following is None:
                    raise
                yield FellBack(following.model, error.reason)
            else:
                yield AgentDone(answer.text, answer.usage)
                return


@dataclass(slots=True)
class _Answer:
    """One attempt at an answer."""

    attempt: Attempt
    models: Models
    messages: list[ModelMessage]
    language: str | None
    begun: bool = False
    """Words of it have been handed on."""
    text: str = ""
    usage: Usage = field(default_factory=Usage)
    finish_reason: str | None = None

    async def read(self) -> AsyncGenerator[str]:
        """Yield the answer's pieces; text and usage are there at the end. Raises TurnError."""
        provider = self.models.provider(self.attempt.model).name
        written: list[str] = []
        try:
            async with aclosing(self._pieces()) as pieces:
                async with asyncio.timeout(self.attempt.first_token):
                    written.append(await _take_words(pieces))
                self.begun = _has_words(written[0])
                if self.begun:
                    yield written[0]
                async for piece in pieces:
                    written.append(piece)
                    yield piece
        except AgentRunError as error:
            raise TurnError(Status.MODEL_ERROR, f"{provider}.{reason_for(error)}") from error
        except TimeoutError as error:
            raise TurnError(Status.TIMEOUT, f"{provider}.{LATE}") from error
        except Exception as error:  # the boundary of an attempt: libraries stumble over odd answers
            logger.exception("model_client_fault", model=self.attempt.model)
            raise TurnError(Status.MODEL_ERROR, f"{provider}.{CLIENT_FAULT}") from error
        self.text = make_speakable("".join(written), self.language)
        if self.finish_reason is None:
            # Half a sentence is no answer: a gateway that lost its model ends the stream in order.
            raise TurnError(Status.MODEL_ERROR, f"{provider}.{ENDED_EARLY}")
        if not self.text:
            raise TurnError(Status.MODEL_ERROR, reason_for_silence(provider, self.finish_reason))
        if not self.begun:  # a sign that is said by its name
            yield written[0]

    async def _pieces(self) -> AsyncGenerator[str]:
        model, settings = self.models.open(self.attempt.model)
        length = 0
        async with model_request_stream(model, self.messages, model_settings=settings) as stream:
            async for event in stream:
                if piece := _text(event):
                    length += len(piece)
                    yield piece
                if length > LONGEST_ANSWER:
                    self.finish_reason = "length"
                    break
            self.usage = Usage(stream.usage.input_tokens, stream.usage.output_tokens)
            self.finish_reason = self.finish_reason or stream.finish_reason


async def _take_words(pieces: AsyncIterator[str]) -> str:
    """Return the beginning up to the first letter or digit, or all there is.

    Blanks and marks are no first token: nothing can be said of them.
    """
    taken = ""
    async for piece in pieces:
        taken += piece
        if _has_words(piece):
            break
    return taken


def _has_words(text: str) -> bool:
    return any(map(str.isalnum, text))


def _messages(request: AgentRequest) -> Iterator[ModelMessage]:
    for message in request.history:
        yield _past(message)
    yield ModelRequest(
        parts=[UserPromptPart(request.question)],
        instructions=fill(request.instructions, request.facts),
    )


def _past(message: Message) -> ModelMessage:
    if message.role is Role.ASSISTANT:
        return ModelResponse(parts=[TextPart(message.text)])
    return ModelRequest(parts=[UserPromptPart(message.text)])


def _text(event: ModelResponseStreamEvent) -> str:
    match event:
        case PartStartEvent(part=TextPart(content=text)):
            return text
        case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            return text
        case _:
            return ""
