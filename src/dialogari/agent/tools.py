"""HTTP tools: arguments to a request, an answer to what the model is told.

A tool's failure is a short text for the model, which may correct itself, and a reason for the log.
What a server says is passed on to the model alone: never to a log, and never with one of the
tool's own secrets in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import structlog
from pydantic_ai.tools import ToolDefinition

from dialogari.agent.address_template import ArgumentError
from dialogari.agent.outbound import Order, OutboundError
from dialogari.agent.tool_rules import IN_QUERY, ReadyTool, make_ready
from dialogari.tool import InvalidToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dialogari.agent.outbound import Answer, Outbound
    from dialogari.tool import Tool

LONGEST_RESULT: Final = 8_000
"""Characters of an answer that the model is told."""
LONGEST_COMPLAINT: Final = 500
_CUT: Final = " … [cut: the result was longer]"
_HIDDEN: Final = "[hidden]"
_SHORTEST_SECRET: Final = 4
"""Characters: to hide less than these would garble every answer."""
_REMEMBERED: Final = 256
_CLIENT_ERRORS: Final = range(400, 500)

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.agent")


class ToolFailedError(Exception):
    """A call brought nothing. `reason` is machine-readable, the text is for the model."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.text = text


class AgentTool(Protocol):
    """Anything a model may call."""

    @property
    def definition(self) -> ToolDefinition:
        """Name, description and schema, as the model is told of it."""
        ...

    @property
    def timeout(self) -> float:
        """Seconds that a call may take."""
        ...

    async def call(self, arguments: Mapping[str, Any], seconds: float) -> str:
        """Return what the model is told, within `seconds`.

        Raises:
            ToolFailedError: the call brought nothing.
        """
        ...


@dataclass(frozen=True, slots=True)
class HttpTool:
    """One HTTP tool, ready to be called. Plays `AgentTool`."""

    ready: ReadyTool
    outbound: Outbound

    @property
    def definition(self) -> ToolDefinition:
        """Name, description and schema."""
        return define(self.ready.tool)

    @property
    def timeout(self) -> float:
        """Seconds that a call may take."""
        return self.ready.tool.timeout

    async def call(self, arguments: Mapping[str, Any], seconds: float) -> str:
        """Return what the model is told. Raises ToolFailedError."""
        try:
            self.ready.check(arguments)
            order = _order(self.ready, arguments)
        except ArgumentError as error:
            raise ToolFailedError("arguments", f"arguments refused: {error}") from None
        try:
            answer = await self.outbound.send(order, seconds)
        except OutboundError as error:
            raise ToolFailedError(error.reason, error.message) from None
        return self._tell(answer)

    def _tell(self, answer: Answer) -> str:
        text = _decode(answer)
        if not answer.ok:
            complaint = f"the server answered {answer.status}"
            # Of a request that was wrong, the server's words help the model to do it right.
            if answer.status in _CLIENT_ERRORS and text and _is_data(answer, text):
                complaint += f": {cut(self._hide(text), LONGEST_COMPLAINT)}"
            raise ToolFailedError(f"http_{answer.status}", complaint)
        if not _is_data(answer, text):
            raise ToolFailedError("not_data", "the server answered with a page or a file, no data")
        return cut(self._hide(self._pick(answer, text)), LONGEST_RESULT)

    def _pick(self, answer: Answer, text: str) -> str:
        path = self.ready.tool.result_path
        if not text.strip():
            return "done; the server answered nothing more"
        if path is None and "json" not in answer.content_type:
            return text
        try:
            parsed: Any = msgspec.json.decode(text)
            picked = self.ready.pick(parsed)
        except (ValueError, msgspec.MsgspecError, RecursionError):
            raise ToolFailedError("malformed", "the server's answer can't be read") from None
        if path is not None and picked is None:
            return "nothing found"
        return picked if isinstance(picked, str) else _dump(picked)

    def _hide(self, text: str) -> str:
        return hide(text, self.ready.tool.headers.values())


class HttpTools:
    """Makes rows ready to be called, and remembers what it has made until a row is edited."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._made: dict[str, HttpTool] = {}

    def prepare(self, tools: Sequence[Tool]) -> Sequence[HttpTool]:
        """Return the tools ready to be called; one that can't be is logged and left out."""
        return [made for made in map(self._prepare, tools) if made is not None]

    def _prepare(self, tool: Tool) -> HttpTool | None:
        made = self._made.get(tool.name)
        if made is not None and made.ready.tool == tool:
            return made
        try:
            made = HttpTool(make_ready(tool), self._outbound)
        except InvalidToolError:
            # It passed when it was stored: somebody has edited the table.
            logger.warning("tool_left_out", tool=tool.name, reason="invalid")
            return None
        if len(self._made) >= _REMEMBERED:
            self._made.clear()
        self._made[tool.name] = made
        return made


def define(tool: Tool) -> ToolDefinition:
    """Return what models are told of a tool."""
    return ToolDefinition(
        name=tool.name,
        description=tool.description,
        parameters_json_schema=dict(tool.parameters),
    )


def _order(ready: ReadyTool, arguments: Mapping[str, Any]) -> Order:
    tool = ready.tool
    rest = {name: arguments[name] for name in arguments if name not in ready.address.places}
    if tool.method in IN_QUERY:
        return Order(tool.method, ready.address.fill(arguments, rest), tool.headers)
    body = _dump(rest).encode("utf-8", "replace")
    return Order(tool.method, ready.address.fill(arguments, {}), tool.headers, body)


def _decode(answer: Answer) -> str:
    try:
        return answer.body.decode(answer.charset, "replace").replace("\0", "\ufffd")
    except LookupError:
        return answer.body.decode("utf-8", "replace").replace("\0", "\ufffd")


def _is_data(answer: Answer, text: str) -> bool:
    """Return whether an answer is something to tell a model, rather than a page or a picture."""
    kind = answer.content_type
    if "html" in kind or text.lstrip()[:15].lower().startswith(("<!doctype html", "<html")):
        return False
    return not kind or kind.startswith("text/") or "json" in kind or "xml" in kind


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def cut(text: str, longest: int) -> str:
    """Return the text with at most `longest` characters, and say so where it had more."""
    return text if len(text) <= longest else text[: longest - len(_CUT)] + _CUT


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return the text without the values of headers, and without what stands behind a scheme."""
    for value in secrets:
        for secret in (value, value.rpartition(" ")[2]):
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, _HIDDEN).replace(json.dumps(secret)[1:-1], _HIDDEN)
    return text
