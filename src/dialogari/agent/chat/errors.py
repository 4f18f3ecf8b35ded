"""What the network and servers do wrong, as pydantic-ai's errors.

None of them carries a word of the server's: its errors may hold keys and callers' words. The cause
is chained, for a debugger.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp
from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelServerError,
    ModelTimeoutError,
    UnexpectedModelBehavior,
)

from dialogari.agent.chat.sse import NotEventsError, TooLongError
from dialogari.agent.chat.wire import MalformedError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

_STATUS_OF: Final[Mapping[str, int]] = {
    "insufficient_quota": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "model_not_found": 404,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "server_error": 500,
    "internal_server_error": 500,
    "overloaded_error": 503,
}
"""The status that OpenAI, and who imitates it, gives these errors before a stream begins."""


class ModelTlsError(ModelConnectionError):
    """The server's certificate is not to be trusted, or TLS failed otherwise."""


@contextmanager
def named_errors(model: str) -> Generator[None]:
    """Raise what goes wrong within as an AgentRunError that names the model."""
    try:
        yield
    except TimeoutError as error:  # before aiohttp's own: its time-outs are both
        raise ModelTimeoutError(model, "no answer in time") from error
    except aiohttp.ClientSSLError as error:
        raise ModelTlsError(model, "TLS failed", phase="connect") from error
    except aiohttp.ClientConnectorError as error:
        raise ModelConnectionError(model, "not reached", phase="connect") from error
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError) as error:
        raise ModelConnectionError(model, "broke off", phase="read") from error
    except (aiohttp.ClientError, MalformedError, TooLongError) as error:
        raise ModelAPIError(model, "malformed answer") from error
    except NotEventsError as error:
        raise UnexpectedModelBehavior("not an answer of a model") from error


def http_error(model: str, status: int, *, in_stream: bool = False) -> ModelHTTPError:
    """Return the error for a status; redirects are errors too, for none is followed."""
    return ModelHTTPError(status, model, in_stream=in_stream)


def told_error(model: str, error: object) -> ModelAPIError:
    """Return what a server said within an answer: with the status it would have had outside."""
    told = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
    for word in (told.get("code"), told.get("status"), told.get("type")):
        status = _status(word)
        if status:
            return http_error(model, status, in_stream=True)
    return ModelServerError(model, "error in the stream", in_stream=True)


def _status(word: object) -> int:
    if isinstance(word, str):
        word = int(word) if word.isdecimal() and word.isascii() else _STATUS_OF.get(word.lower())
    return word if isinstance(word, int) and 400 <= word < 600 else 0  # noqa: PLR2004 - of HTTP
