"""What a server sends, typed: only the fields that are read, the rest is skipped."""

from __future__ import annotations

import json
from typing import Any

import msgspec


class MalformedError(Exception):
    """Not the JSON of a chat completion."""


class Function(msgspec.Struct):
    """A call's function, or a piece of it."""

    name: str | None = None
    arguments: str | None = None


class ToolCall(msgspec.Struct):
    """A tool call, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Words(msgspec.Struct):
    """What the model says: a whole message, or a piece of it."""

    content: str | None = None
    tool_calls: list[ToolCall] | None = None


class Choice(msgspec.Struct):
    """`delta` in a stream, `message` in an answer that is not streamed."""

    delta: Words | None = None
    message: Words | None = None
    finish_reason: str | None = None


class InputDetails(msgspec.Struct):
    """What the input consists of."""

    cached_tokens: int | None = None


class Tokens(msgspec.Struct):
    """Tokens of the request so far."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: InputDetails | None = None


class Chunk(msgspec.Struct):
    """One event of a stream, or a whole answer."""

    choices: list[Choice] | None = None
    usage: Tokens | None = None
    error: Any = None


_decoder = msgspec.json.Decoder(Chunk)


def decode(data: bytes) -> Chunk:
    """Return the chunk.

    Raises:
        MalformedError: it is none.
    """
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError):
        return _decode_laxly(data)


def _decode_laxly(data: bytes) -> Chunk:
    """Take what msgspec refuses and servers send: an emoji in two chunks, half of it in each."""
    try:
        return msgspec.convert(json.loads(data), Chunk)
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise MalformedError from error
