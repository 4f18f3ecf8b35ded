"""A REST request and its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from dialogari.ari.testing.line import Line


@dataclass(slots=True)
class Thread:
    """The thread of Asterisk that answers one connection, with the `errno` it has been left."""

    has_seen_duplicate: bool = False
    """From then on every failing originate is called a duplicate (false 409, see `originate`)."""


@dataclass(frozen=True, slots=True)
class Command:
    """One REST request."""

    method: str
    path: tuple[str, ...]
    """Decoded segments after `/ari/`."""
    body: Any = None
    """Decoded JSON; None: there was none."""
    query: tuple[tuple[str, str], ...] = ()
    thread: Thread = field(default_factory=Thread)

    def parameter(self, name: str) -> Any:
        """Return a parameter: Asterisk takes each from the body as well as from the query."""
        body = cast("dict[str, Any]", self.body if isinstance(self.body, dict) else {})
        return body[name] if name in body else dict(self.query).get(name)

    def text(self, name: str) -> str:
        """Return a parameter's text; empty where it has none."""
        value = self.parameter(name)
        return value if isinstance(value, str) else ""

    def identifier(self, name: str) -> str:
        """Return the id that the client chose, as the path's fourth segment or a parameter."""
        return next(iter(self.path[3:]), "") or self.text(name)

    def number(self, name: str, otherwise: int) -> int:
        """Return a parameter's number; what is none counts as 0, as C's atoi has it."""
        value = self.parameter(name)
        if value is None:
            return otherwise
        try:
            return int(value)
        except (TypeError, ValueError):
            return 0

    def texts(self, name: str) -> list[str]:
        """Return a parameter that may be given several times.

        Only in the query commas separate: a text in the body is one value, and several are a list.
        """
        value = self.parameter(name)
        if isinstance(value, list):
            return [str(part) for part in cast("list[Any]", value)]
        if not isinstance(value, str) or not value:
            return []
        body = cast("dict[str, Any]", self.body if isinstance(self.body, dict) else {})
        return [value] if name in body else value.split(",")

    def variables(self) -> dict[str, str]:
        """Return the variables for a new channel."""
        value = self.parameter("variables")
        given = cast("dict[str, Any]", value if isinstance(value, dict) else {})
        return {name.lstrip("_"): str(text) for name, text in given.items()}


@dataclass(frozen=True, slots=True)
class Answer:
    """What Asterisk answers."""

    status: int
    body: Any = None
    """Object to encode as JSON; None: no body."""
    reason: str = ""
    """The status line's words; empty: the usual ones."""
    events_first: bool = False
    """Whether the events it causes mostly come before it."""
    location: str = ""

    @property
    def phrase(self) -> str:
        """The words of the status line."""
        return self.reason or HTTPStatus(self.status).phrase


class Refusal(Exception):
    """An operation that is not done."""

    def __init__(
        self, status: int, message: str, reason: str = "", *, key: str = "message"
    ) -> None:
        super().__init__(status, message)
        self.answer = Answer(status, {key: message}, reason)


Handler: TypeAlias = Callable[[Command], "Answer | asyncio.Future[Answer]"]
Routes: TypeAlias = dict[str, dict[str, Handler]]
"""By path, `*` for a name in it, and method."""


def in_turn(line: Line, act: Callable[[], Answer]) -> Answer | asyncio.Future[Answer]:
    """Do something on a channel's thread and answer only then, as some operations do.

    Raises:
        Refusal: it was done at once, and refused.
    """
    result: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def do() -> None:
        if result.cancelled():
            return
        try:
            result.set_result(act())
        except Refusal as refusal:
            result.set_result(refusal.answer)

    line.do(do)
    return result.result() if result.done() else result
