"""One REST command and its answer, as values: what to send, without sending it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import msgspec

from dialogari.ari.errors import UnexpectedAnswer, error_for

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One REST command, for whichever transport carries it."""

    method: str
    path: str
    """Percent-encoded, without the leading `/ari/`, query included."""
    body: bytes = b""
    """JSON, or empty."""
    repeatable: bool = False
    """Executing it twice does no harm, so a lost answer may be met by sending it again."""
    over_http: bool = False
    """Not over the events socket: its answer is big or no text, or it keeps the commands behind it
    waiting, since Asterisk executes those of one socket one after the other."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Response:
    """Asterisk's answer."""

    status: int
    body: bytes

    def read(self, shape: type[T]) -> T:
        """Return the body as `shape`. Raises UnexpectedAnswer."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnexpectedAnswer(shape.__name__) from error


Send: TypeAlias = Callable[[Request], Awaitable[Response]]
"""Sends a command and returns a successful answer. Raises AriError."""


def successful(request: Request, answer: Response) -> Response:
    """Return the answer. Raises the AriError that it means, where it is none of success."""
    if answer.status < 400:  # noqa: PLR2004 - HTTP's first error status
        return answer
    raise error_for(str(request), answer.status, _message(answer.body))


def _message(body: bytes) -> str:
    """Return an error answer's own words; some come as HTML or with `error` for `message`."""
    try:
        answer = msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return str(answer.get("message") or answer.get("error") or "")
