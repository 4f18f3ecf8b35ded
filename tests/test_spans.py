"""Turns as spans, in a memory in place of a collector, and over HTTP to one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dialogari.app.spans import open_spans
from dialogari.asked import Asked, Usage
from dialogari.config import Settings
from dialogari.metrics import Metrics
from dialogari.spans import TurnSpans
from dialogari.telemetry import TurnLog
from dialogari.tool import ToolCall, ToolStatus
from dialogari.turn import ConversationKey, Status, TurnRequest, TurnResponse

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

REQUEST = TurnRequest("my question", ConversationKey("pbx", "1.2"))


def _response(now: float) -> TurnResponse:
    return TurnResponse(
        Status.OK,
        text="my answer",
        prompt="reception",
        model="gemini:b",
        number=3,
        usage=Usage(30, 12, 0.25),
        tool_calls=[
            ToolCall("c1", "hours", {"day": "my day"}, 1, ToolStatus.OK, "", "my result", 0.5),
            ToolCall("c2", "hours", {}, 1, ToolStatus.FAILED, "http_500", "", 0.25),
        ],
        asked=[
            Asked("openai:a", now - 3, 1.0, None, "openai.http_500"),
            Asked("gemini:b", now - 2, 0.5, 0.25, "", Usage(10, 5)),
            Asked("gemini:b", now - 1, 1.0, 0.5, "", Usage(20, 7)),
        ],
    )


def _spans(*, content: bool) -> list[ReadableSpan]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    async def write() -> None:
        now = asyncio.get_running_loop().time()
        spans = TurnSpans(provider.get_tracer("test"), content=content)
        TurnLog(Metrics(), content=False, spans=spans).write(REQUEST, _response(now), 4.0)

    asyncio.run(write())
    return list(exporter.get_finished_spans())


def _attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_turn_is_a_tree() -> None:
    """The turn above each request to a model and each tool call, named by the conventions."""
    spans = _spans(content=False)

    assert [span.name for span in spans] == [
        "invoke_agent reception",
        *("chat a", "chat b", "chat b"),
        *("execute_tool hours", "execute_tool hours"),
    ]
    turn, *parts = spans
    assert turn.parent is None
    assert turn.context is not None
    assert {part.parent.span_id for part in parts if part.parent} == {turn.context.span_id}
    assert _attributes(turn) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "reception",
        "gen_ai.conversation.id": "1.2",
        "gen_ai.request.model": "gemini:b",
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 12,
        "dialogari.turn.number": 3,
        "dialogari.turn.status": "ok",
        "dialogari.turn.cost": 0.25,
    }
    assert _attributes(parts[1]) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "b",
        "gen_ai.request.stream": True,
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.response.time_to_first_chunk": 0.25,
    }


def test_times_are_those_of_the_turn() -> None:
    """Each span lies where its part was; tools begin when the model that asked has ended."""
    turn, failed, first, second, tool, _ = _spans(content=False)
    begin = turn.start_time or 0

    def place(span: ReadableSpan) -> tuple[float, float]:
        start, end = span.start_time or 0, span.end_time or 0
        return round((start - begin) / 1e9, 2), round((end - begin) / 1e9, 2)

    assert [place(span) for span in (turn, failed, first, tool, second)] == [
        *((0.0, 4.0), (1.0, 2.0), (2.0, 2.5), (2.5, 3.0), (3.0, 4.0))
    ]


def test_failures_have_a_type() -> None:
    """The reason, and the status of an error."""
    spans = _spans(content=False)

    errors = [_attributes(span).get("error.type") for span in spans]
    assert errors == [None, "openai.http_500", None, None, None, "http_500"]


@pytest.mark.parametrize("content", [False, True])
def test_content_only_when_asked_for(content: bool) -> None:
    """Question, answer, arguments and results are there with LOG_CONTENT alone."""
    written = str([_attributes(span) for span in _spans(content=content)])

    for words in ("my question", "my answer", "my day", "my result"):
        assert (words in written) is content


async def test_a_collector_gets_them() -> None:
    """By OTLP over HTTP, at the latest when the bridge ends."""
    received: list[tuple[str, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        received.append((request.path, await request.read()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        async with open_spans(Settings(otel_exporter_otlp_endpoint=address)) as spans:
            assert spans is not None
            spans.write(REQUEST, _response(asyncio.get_running_loop().time()), 4.0)
    finally:
        await runner.cleanup()

    ((path, body),) = received
    assert path == "/v1/traces"
    assert b"invoke_agent reception" in body
    assert b"my question" not in body


def test_nothing_is_imported_without_a_collector() -> None:
    """Neither the exporter nor OpenTelemetry's SDK."""
    program = (
        "import asyncio, sys\n"
        "from dialogari.app.spans import open_spans\n"
        "from dialogari.config import Settings\n"
        "import dialogari.app.bridge\n"
        "async def main():\n"
        "    async with open_spans(Settings()) as spans:\n"
        "        assert spans is None\n"
        "asyncio.run(main())\n"
        "found = [m for m in sys.modules if m.startswith(('opentelemetry.sdk', "
        "'opentelemetry.exporter', 'dialogari.spans'))]\n"
        "assert not found, found\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=50)  # noqa: S603 - our own program

    assert done.returncode == 0
