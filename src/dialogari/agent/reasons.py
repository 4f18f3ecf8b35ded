"""Why a model did not answer, in words of ours: the second half of `openai.http_429`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelServerError,
    ModelTimeoutError,
    ModelUnavailableError,
)

from dialogari.agent.chat.errors import ModelTlsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_REASONS: Final[Sequence[tuple[type[AgentRunError], str]]] = (
    (ModelTlsError, "tls"),
    (ModelTimeoutError, "timeout"),
    (ModelConnectionError, "connection"),
    (ModelRateLimitError, "rate_limit"),
    (ModelUnavailableError, "unavailable"),
    (ModelServerError, "server_error"),
    (ModelRequestRejectedError, "rejected"),
    (ModelAPIError, "malformed_answer"),
)
"""The first that fits counts: subclasses stand before their bases."""

_SILENCE: Final[Mapping[str, str]] = {"content_filter": "content_filter", "length": "token_limit"}

CLIENT_FAULT: Final = "client_fault"
"""The client, ours or a provider's library, has a fault; where, stands in the log."""
EMPTY: Final = "empty_answer"
ENDED_EARLY: Final = "ended_early"
"""The stream ended in order, but before the model said that it had finished."""
TOO_MANY_CALLS: Final = "tool_limit"
"""The model asks for tools when it may no longer."""
SKIPPED: Final = "skipped"
"""It has failed lately and is left alone for a while."""
LATE: Final = "first_token"
"""FIRST_TOKEN_DEADLINE has passed."""


def reason_for(error: AgentRunError) -> str:
    """Return why a request failed."""
    if isinstance(error, ModelHTTPError):
        return f"http_{error.status_code}"
    return next((word for kind, word in _REASONS if isinstance(error, kind)), "unexpected_answer")


def reason_for_silence(provider: str, finish_reason: str | None) -> str:
    """Return why an answer that was not broken says nothing."""
    word = _SILENCE.get(finish_reason or "")
    return f"{provider}.{word}" if word else EMPTY
