"""The agent: asks a model and streams its answer. Plays `dialogari.turn.Agent`.

Whatever goes wrong leaves as a `TurnError` with a reason of our own: what servers write into
their errors may hold keys and callers' words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic_ai.direct import model_request_stream
from pydantic_ai.exceptions import (
    AgentRunError,
    ContentFilterError,
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelTimeoutError,
    OutputTokenLimitExceeded,
)
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    UserPromptPart,
)

from dialogari.agent.speech import make_speakable
from dialogari.agent.template import fill
from dialogari.turn import AgentDone, Role, Status, TextDelta, TurnError, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from pydantic_ai.messages import ModelMessage, ModelResponseStreamEvent

    from dialogari.agent.models import Models
    from dialogari.turn import AgentEvent, AgentRequest, Message

LONGEST_ANSWER = 100_000
"""Characters read of one answer. The dialplan gets at most 32,000 bytes of it, and a model that
never stops must not fill the memory until the deadline."""

_REASONS: Final[Sequence[tuple[type[AgentRunError], str]]] = (
    (ModelTimeoutError, "timeout"),
    (ModelConnectionError, "connection"),
    (ContentFilterError, "content_filter"),
    (OutputTokenLimitExceeded, "token_limit"),
    (ModelAPIError, "malformed_answer"),
)
"""The first that fits counts: subclasses stand before their bases."""


class ModelAgent:
    """Answers with the models it is given."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def resolve(self, model: str | None) -> str:
        """Return `provider:model`. Raises TurnError `unknown_model`."""
        return self._models.resolve(model)

    async def reply(self, request: AgentRequest) -> AsyncGenerator[AgentEvent]:
        """Stream the answer, then `AgentDone`. Raises TurnError `model_error`."""
        model, settings = self._models.open(request.model)
        written: list[str] = []
        length = 0
        try:
            async with model_request_stream(
                model, list(_messages(request)), model_settings=settings
            ) as stream:
                async for event in stream:
                    if piece := _text(event):
                        written.append(piece)
                        length += len(piece)
                        yield TextDelta(piece)
                    if length > LONGEST_ANSWER:
                        break
                usage = Usage(stream.usage.input_tokens, stream.usage.output_tokens)
        except AgentRunError as error:
            provider = request.model.partition(":")[0]
            raise TurnError(Status.MODEL_ERROR, f"{provider}.{_reason(error)}") from error
        text = make_speakable("".join(written))
        if not text:
            raise TurnError(Status.MODEL_ERROR, "empty_answer")
        yield AgentDone(text, usage)


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


def _reason(error: AgentRunError) -> str:
    if isinstance(error, ModelHTTPError):
        return f"http_{error.status_code}"
    return next((word for kind, word in _REASONS if isinstance(error, kind)), "unexpected_answer")
