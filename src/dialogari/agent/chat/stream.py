"""An answer being read: the response's bytes as chunks, the chunks as pydantic-ai's parts."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pydantic_ai.exceptions import UnexpectedModelBehavior
from pydantic_ai.models import StreamedResponse
from pydantic_ai.usage import RequestUsage

from dialogari.agent.chat.errors import named_errors, told_error
from dialogari.agent.chat.sse import LARGEST_EVENT, Event, EventParser, TooLongError
from dialogari.agent.chat.wire import Choice, Chunk, decode

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping

    import aiohttp
    from pydantic_ai.messages import FinishReason, ModelResponseStreamEvent

    from dialogari.agent.chat.wire import Tokens, Words

DRAIN_LIMIT: Final = 0.05
"""Seconds for the end of the response after its last event: a connection read to the end is kept
for the next turn, and a server that leaves it open must not hold up the answer."""
_THINKING: Final = ("<think>", "</think>")
_FINISHED: Final[Mapping[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_call",
    "function_call": "tool_call",
}
_DONE: Final = Chunk(choices=[Choice(finish_reason="stop")])
"""What a server means by [DONE] that named no reason before."""


async def read_chunks(response: aiohttp.ClientResponse, model: str) -> AsyncGenerator[Chunk]:
    """Yield the chunks of an answer, streamed or whole. Raises AgentRunError."""
    finished = False
    with named_errors(model):
        async for event in _events(response):
            if event.data == b"[DONE]":
                if not finished:
                    yield _DONE
                await _drain(response)
                return
            chunk = decode(event.data)
            if chunk.error is not None or event.kind == b"error":
                raise told_error(model, chunk.error)
            finished = finished or any(choice.finish_reason for choice in chunk.choices or ())
            yield chunk


async def _events(response: aiohttp.ClientResponse) -> AsyncGenerator[Event]:
    if response.content_type == "application/json":
        yield Event(b"", await _whole(response))
        return
    parser, empty = EventParser(), True
    async for piece in response.content.iter_any():
        for event in parser.feed(piece):
            empty = False
            yield event
    for event in parser.close():
        empty = False
        yield event
    if empty:
        raise UnexpectedModelBehavior("an empty stream")


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > LARGEST_EVENT:
            raise TooLongError
    return bytes(body)


async def _drain(response: aiohttp.ClientResponse) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_LIMIT):
            async for _ in response.content.iter_any():
                pass


@dataclass
class ChatStream(StreamedResponse):
    """pydantic-ai's view of an answer."""

    response: aiohttp.ClientResponse
    chunks: AsyncGenerator[Chunk]
    model: str
    provider: str
    url: str
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    _usage_received: bool | None = field(default=False, init=False)

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        async for chunk in self.chunks:
            if chunk.usage is not None:
                # The last one counts: some servers send the sum so far with each chunk.
                self._add_usage(_count(chunk.usage), reported=True, cumulative=True)
            for choice in chunk.choices or ():
                if choice.finish_reason or choice.message is not None:
                    self.finish_reason = _FINISHED.get(choice.finish_reason or "", "stop")
                words = choice.delta or choice.message
                if words is not None:
                    for event in self._parts(words):
                        yield event
        for event in self._last_parts():
            yield event
        if self.finish_reason is None:
            self.state = "incomplete"

    def _parts(self, words: Words) -> Iterator[ModelResponseStreamEvent]:
        if words.content:
            yield from self._parts_manager.handle_text_delta(
                vendor_part_id="content", content=words.content, thinking_tags=_THINKING
            )
        for number, call in enumerate(words.tool_calls or ()):
            yield from self._parts_manager.handle_tool_call_delta_events(
                vendor_part_id=number if call.index is None else call.index,
                tool_name=call.function and call.function.name,
                args=call.function and call.function.arguments,
                tool_call_id=call.id,
            )

    def _last_parts(self) -> Iterator[ModelResponseStreamEvent]:
        """Yield what is known only once the answer has ended."""
        yield from ()

    async def close_stream(self) -> None:
        """Close the connection."""
        self.response.close()

    @property
    def model_name(self) -> str:
        """The model asked."""
        return self.model

    @property
    def provider_name(self) -> str:
        """The provider's name in AI_MODEL."""
        return self.provider

    @property
    def provider_url(self) -> str:
        """Its address."""
        return self.url

    @property
    def timestamp(self) -> datetime:
        """When it began."""
        return self.began


def _count(tokens: Tokens) -> RequestUsage:
    cached = tokens.prompt_tokens_details and tokens.prompt_tokens_details.cached_tokens
    return RequestUsage(
        input_tokens=tokens.prompt_tokens or 0,
        output_tokens=tokens.completion_tokens or 0,
        cache_read_tokens=cached or 0,
    )
