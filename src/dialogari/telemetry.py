"""Logs: structured lines, each with the call it belongs to, and one line for every turn.

Three promises hold at every level, DEBUG included: no secret, no text of an exception (servers
put keys and callers' words into those; the type and the place are logged instead), and no word a
caller said unless LOG_CONTENT is set.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import TYPE_CHECKING, TextIO, cast

import structlog

if TYPE_CHECKING:
    from types import TracebackType

    from structlog.typing import EventDict, Processor

    from dialogari.asked import Usage
    from dialogari.metrics import Metrics
    from dialogari.spans import TurnSpans
    from dialogari.turn import TurnRequest, TurnResponse

HANG_UP = "hang_up"
"""What the log shows as status of a turn whose caller left before the answer."""


def configure_logs(level: str, form: str, stream: TextIO = sys.stderr) -> None:
    """Send our lines from `level` on to `stream`, other libraries' warnings too.

    `form`: `console` for people, `json` for machines, one object a line.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        _name_exception,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=0)
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Other libraries log requests, headers and bodies at DEBUG: never below WARNING.
    root.setLevel(logging.WARNING)
    # It logs what servers write.
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    logging.getLogger("dialogari").setLevel(level)


class TurnLog:
    """Writes the one line of each turn, counts it, and hands it to `spans` where there are any."""

    def __init__(self, metrics: Metrics, *, content: bool, spans: TurnSpans | None = None) -> None:
        self._metrics = metrics
        self._spans = spans
        self._content = content
        self._logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.turn")

    def write(self, request: TurnRequest, response: TurnResponse, seconds: float) -> None:
        """Log a turn that was answered, one way or another, within `seconds`."""
        self._metrics.count_turn(
            response.status, seconds=seconds, model=response.model, reason=response.reason
        )
        self._metrics.count_work(response.model, response.steps, response.usage)
        for call in response.tool_calls:
            self._metrics.count_tool(call)
        if self._spans is not None and not response.more:
            self._spans.write(request, response, seconds)
        line: dict[str, object] = {
            "conversation": request.conversation.id,
            "turn": response.number,
            "prompt": response.prompt,
            "model": response.model,
            "status": str(response.status),
            "reason": response.reason,
            "more": response.more,
            "ms": round(seconds * 1000),
            **_tell_cost(response.usage),
        }
        for step, spent in response.steps.items():
            line[f"{step}_ms"] = round(spent * 1000, 1)
        if self._content:
            line |= {"question": request.text, "answer": response.text}
        self._logger.info("turn", **line)

    def write_piece(self, request: TurnRequest, response: TurnResponse, seconds: float) -> None:
        """Log a further piece of an answer; its turn was counted with the first.

        One that ends in a failure counts as a turn that failed. The last one tells what the turn
        cost, and makes its spans.
        """
        if response.status != "ok":
            self._metrics.count_turn(
                response.status, seconds=seconds, model=response.model, reason=response.reason
            )
        self._metrics.count_work(response.model, {}, response.usage)
        for call in response.tool_calls:
            self._metrics.count_tool(call)
        if self._spans is not None and response.asked:
            self._spans.write(request, response, seconds)
        line: dict[str, object] = {
            "conversation": request.conversation.id,
            "turn": response.number,
            "status": str(response.status),
            "reason": response.reason,
            "more": response.more,
            "ms": round(seconds * 1000),
            **_tell_cost(response.usage),
        }
        if self._content:
            line |= {"answer": response.text}
        self._logger.info("piece", **line)

    def write_hang_up(self, conversation: str, seconds: float) -> None:
        """Log a turn whose caller hung up before it was answered."""
        self._metrics.count_turn(HANG_UP, seconds=seconds)
        self._logger.info(
            "turn", conversation=conversation, status=HANG_UP, ms=round(seconds * 1000)
        )


def _tell_cost(usage: Usage) -> dict[str, object]:
    line: dict[str, object] = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
    }
    if usage.cost is not None:
        line["cost"] = round(usage.cost, 8)
    return line


def _name_exception(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Put an exception's type and place where its text would stand."""
    error: object = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):  # the standard library's (type, value, traceback)
        error = cast("tuple[object, ...]", error)[1]
    if isinstance(error, BaseException):
        event["exception"] = type(error).__name__
        event["at"] = _place(error.__traceback__)
    return event


def _place(trace: TracebackType | None) -> list[str]:
    return [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)]
