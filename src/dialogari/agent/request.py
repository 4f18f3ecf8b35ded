"""One request to a model: its words as it writes them, and what else it says once it has ended."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog
from pydantic_ai.direct import model_request_stream
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.messages import (
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
    ToolCallPartDelta,
)
from pydantic_ai.models import ModelRequestParameters

from dialogari.agent.reasons import CLIENT_FAULT, ENDED_EARLY, LATE, reason_for
from dialogari.asked import Asked, Usage
from dialogari.turn import Status, TurnError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from pydantic_ai.messages import ModelMessage, ModelResponseStreamEvent
    from pydantic_ai.settings import ModelSettings

    from dialogari.agent.calls import Calls
    from dialogari.agent.fallback import Attempt
    from dialogari.agent.models import Models

LONGEST_ANSWER: Final = 100_000
"""Characters read of one answer. The dialplan gets at most 32,000 bytes of it, and a model that
never stops must not fill the memory until the deadline."""

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.agent")


@dataclass(slots=True)
class Request:
    """One request; `usage`, `finish_reason` and `response` are there when it has been read."""

    attempt: Attempt
    models: Models
    messages: list[ModelMessage]
    calls: Calls
    usage: Usage = field(default_factory=Usage)
    finish_reason: str | None = None
    response: ModelResponse = field(default_factory=lambda: ModelResponse(parts=[]))
    _calling: bool = False
    _began: float = 0.0
    _first: float | None = None

    def account(self, reason: str = "") -> Asked:
        """Return what is to be told of it now that it has ended; `reason`: why it failed."""
        seconds = asyncio.get_running_loop().time() - self._began
        return Asked(self.attempt.model, self._began, seconds, self._first, reason, self.usage)

    @property
    def provider(self) -> str:
        """The name of the provider asked."""
        return self.models.provider(self.attempt.model).name

    @property
    def calls_tools(self) -> bool:
        """Whether the model has asked for tools."""
        return self._calling

    async def read(self) -> AsyncGenerator[str]:
        """Yield the pieces of text; the first holds a letter or digit, or is all there is.

        Raises:
            TurnError: `model_error` or `timeout`, and the reason.
        """
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        try:
            async with aclosing(self._pieces()) as pieces:
                async with asyncio.timeout(self.attempt.first_token):
                    first = await self._take_words(pieces)
                if first or self._calling:
                    self._first = loop.time() - self._began
                yield first
                async for piece in pieces:
                    yield piece
        except AgentRunError as error:
            raise TurnError(Status.MODEL_ERROR, f"{self.provider}.{reason_for(error)}") from error
        except TimeoutError as error:
            raise TurnError(Status.TIMEOUT, f"{self.provider}.{LATE}") from error
        except Exception as error:  # the boundary of a request: libraries stumble over odd answers
            logger.exception("model_client_fault", model=self.attempt.model)
            raise TurnError(Status.MODEL_ERROR, f"{self.provider}.{CLIENT_FAULT}") from error
        if self.finish_reason is None:
            # Half a sentence is no answer: a gateway that lost its model ends the stream in order.
            raise TurnError(Status.MODEL_ERROR, f"{self.provider}.{ENDED_EARLY}")

    async def _take_words(self, pieces: AsyncIterator[str]) -> str:
        """Return the beginning up to the first letter or digit, or to a call, or all there is.

        Blanks and marks are no first token: nothing can be said of them.
        """
        taken = ""
        async for piece in pieces:
            taken += piece
            if has_words(piece) or self._calling:
                break
        return taken

    async def _pieces(self) -> AsyncGenerator[str]:
        model, settings = self.models.open(self.attempt.model)
        length = 0
        async with model_request_stream(
            model,
            self.messages,
            model_settings=self._settings(settings),
            model_request_parameters=ModelRequestParameters(function_tools=self.calls.definitions),
        ) as stream:
            async for event in stream:
                text, size = self._take(event)
                length += size
                if text or self._calling:
                    yield text
                if length > LONGEST_ANSWER:
                    self.finish_reason = "length"
                    break
            cost = self.models.cost(self.attempt.model, stream.usage)
            self.usage = Usage(stream.usage.input_tokens, stream.usage.output_tokens, cost)
            self.finish_reason = self.finish_reason or stream.finish_reason
            self.response = stream.get()

    def _settings(self, settings: ModelSettings | None) -> ModelSettings | None:
        """Return how to ask; a model that has asked for tools often enough must answer now."""
        if self.calls.allowed:
            return settings
        return {**(settings or {}), "tool_choice": "none"}

    def _take(self, event: ModelResponseStreamEvent) -> tuple[str, int]:
        """Return the text of an event, and how much of the model's writing it is."""
        match event:
            case PartStartEvent(part=TextPart(content=text)):
                return text, len(text)
            case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
                return text, len(text)
            case PartStartEvent(part=ToolCallPart(args=args)):
                self._calling = True
                return "", len(str(args or ""))
            case PartDeltaEvent(delta=ToolCallPartDelta(args_delta=args)):
                return "", len(str(args or ""))
            case _:
                return "", 0


def has_words(text: str) -> bool:
    """Return whether there is something in a text that can be said."""
    return any(map(str.isalnum, text))
