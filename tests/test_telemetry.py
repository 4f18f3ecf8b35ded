"""The logs' promises: lines machines can read, and never the text of an exception."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from dialogari.asked import Usage
from dialogari.metrics import Metrics
from dialogari.telemetry import TurnLog, configure_logs
from dialogari.tool import ToolCall, ToolStatus
from dialogari.turn import ConversationKey, Status, TurnRequest, TurnResponse


@pytest.fixture
def stream() -> io.StringIO:
    """What is logged, as JSON, at DEBUG."""
    text = io.StringIO()
    configure_logs("DEBUG", "json", text)
    return text


def _lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_exception_is_named_but_not_quoted(stream: io.StringIO) -> None:
    """Type and place of an exception are logged, by either kind of logger; its text is not."""
    for logger in (structlog.stdlib.get_logger("dialogari.x"), logging.getLogger("dialogari.y")):
        try:
            int("sk-secret")
        except ValueError:
            logger.exception("it_broke")

    first, second = _lines(stream)
    assert first["exception"] == second["exception"] == "ValueError"
    assert "test_telemetry.py" in str(first["at"])
    assert "sk-secret" not in stream.getvalue()


def test_other_libraries_speak_from_warning_on(stream: io.StringIO) -> None:
    """Their requests and headers at DEBUG and INFO stay out; ours come."""
    logging.getLogger("openai").info("a request with a key")
    logging.getLogger("openai").warning("something odd")
    logging.getLogger("dialogari.ari").debug("detail", extra={"call": "1"})

    assert [(line["event"], line.get("call")) for line in _lines(stream)] == [
        ("something odd", None),
        ("detail", "1"),
    ]


def test_the_call_is_in_every_line_of_its_context(stream: io.StringIO) -> None:
    """A bound call stands in lines of ours and of the ARI client."""
    with structlog.contextvars.bound_contextvars(call="c1"):
        structlog.stdlib.get_logger("dialogari.x").info("one")
        logging.getLogger("dialogari.ari").info("two")

    assert [line["call"] for line in _lines(stream)] == ["c1", "c1"]


@pytest.mark.parametrize("content", [False, True])
def test_words_are_logged_only_when_asked_for(stream: io.StringIO, content: bool) -> None:
    """Question and answer appear with LOG_CONTENT alone."""
    request = TurnRequest("my question", ConversationKey("", "s"))

    TurnLog(Metrics(), content=content).write(
        request, TurnResponse(Status.OK, text="my answer"), 0.1234
    )

    line = _lines(stream)[0]
    assert (line["event"], line["ms"], line["status"]) == ("turn", 123, "ok")
    assert ("my question" in stream.getvalue()) is content
    assert ("my answer" in stream.getvalue()) is content


def test_a_further_piece(stream: io.StringIO) -> None:
    """It has a line of its own; its turn is not counted again, a failure is, and tokens once."""
    metrics = Metrics()
    log = TurnLog(metrics, content=False)
    request = TurnRequest("", ConversationKey("", "s"))
    usage = Usage(3, 4)
    called = [ToolCall("c", "hours", {}, status=ToolStatus.OK)]
    log.write(request, TurnResponse(Status.OK, text="One.", more=True, model="m"), 0.1)
    log.write_piece(request, TurnResponse(Status.OK, text="Two.", more=True, model="m"), 0.1)
    log.write_piece(
        request, TurnResponse(Status.OK, text="3.", model="m", usage=usage, tool_calls=called), 0.1
    )
    log.write_piece(request, TurnResponse(Status.TIMEOUT, reason="model.timeout", model="m"), 0.1)

    figures = metrics.render().decode()
    assert 'dialogari_turns_total{model="m",reason="",status="ok"} 1.0' in figures
    assert 'dialogari_turns_total{model="m",reason="model.timeout",status="timeout"} 1.0' in figures
    assert 'dialogari_tokens_total{direction="output",model="m"} 4.0' in figures
    assert 'dialogari_tool_calls_total{reason="",status="ok",tool="hours"} 1.0' in figures
    assert [line["event"] for line in _lines(stream)] == ["turn", "piece", "piece", "piece"]
    assert [line["more"] for line in _lines(stream)] == [True, True, False, False]
    assert "Two." not in stream.getvalue()
