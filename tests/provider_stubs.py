"""Gemini and Anthropic that aren't: their streaming formats over real HTTP, and their faults."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

from aiohttp import web

from model_stub import POISON, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

PIECES = ("Hello, ", "this is ", "the shop.")


class Format(Protocol):
    """A provider's way to put things."""

    path: str
    """Where questions are posted, as a route of aiohttp."""

    def events(self, pieces: Iterable[str]) -> list[bytes]:
        """Return the whole stream, the first piece of text in the element numbered `first`."""
        ...

    first: int

    def call(self, name: str, arguments: dict[str, Any]) -> list[bytes]:
        """Return the whole stream of a model that asks for a tool."""
        ...

    def error(self, status: int) -> dict[str, Any]:
        """Return the body of an error."""
        ...

    def error_event(self) -> bytes:
        """Return an error within a stream."""
        ...

    odd: bytes
    """An event whose shape its library does not expect."""


class Gemini:
    """`streamGenerateContent?alt=sse`."""

    path = "/v1beta/models/{model}"
    odd = b'data: {"candidates": 7}\r\n\r\n'
    first = 0

    def events(self, pieces: Iterable[str]) -> list[bytes]:
        """Each piece is a candidate; the last carries the end and the tokens."""
        parts: list[dict[str, Any]] = [
            {"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": piece}]}}]}
            for piece in pieces
        ]
        parts[-1]["candidates"][0]["finishReason"] = "STOP"
        parts[-1]["usageMetadata"] = {
            "promptTokenCount": 11,
            "candidatesTokenCount": 7,
            "totalTokenCount": 18,
        }
        return [f"data: {json.dumps(part)}\r\n\r\n".encode() for part in parts]

    def call(self, name: str, arguments: dict[str, Any]) -> list[bytes]:
        """One candidate that holds the whole call; without an id, as Gemini often does."""
        part = {"functionCall": {"name": name, "args": arguments}}
        candidate = {
            "index": 0,
            "content": {"role": "model", "parts": [part]},
            "finishReason": "STOP",
        }
        return [f"data: {json.dumps({'candidates': [candidate]})}\r\n\r\n".encode()]

    def error(self, status: int) -> dict[str, Any]:
        """Google's error object."""
        return {"error": {"code": status, "message": f"{POISON} {SECRET}", "status": "BAD"}}

    def error_event(self) -> bytes:
        """The error object as an event."""
        return f"data: {json.dumps(self.error(503))}\r\n\r\n".encode()


class Anthropic:
    """`/v1/messages` with `stream`."""

    path = "/v1/messages"
    odd = b'event: message_start\ndata: {"type": "message_start", "message": 5}\n\n'
    first = 2

    def events(self, pieces: Iterable[str]) -> list[bytes]:
        """Start of message and block, a delta for each piece, and the ends of both."""
        block = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
        return self._message(block, deltas, "end_turn")

    def call(self, name: str, arguments: dict[str, Any]) -> list[bytes]:
        """A block of its own, the arguments in pieces of JSON."""
        block: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
        written = json.dumps(arguments)
        pieces = (written[:5], written[5:])
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        return self._message(block, deltas, "tool_use")

    def _message(
        self, block: dict[str, Any], pieces: list[dict[str, str]], reason: str
    ) -> list[bytes]:
        message: dict[str, Any] = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "stub",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 11, "output_tokens": 1},
        }
        deltas = [{"index": 0, "delta": piece} for piece in pieces]
        stop = {"stop_reason": reason, "stop_sequence": None}
        return [
            _typed("message_start", message=message),
            _typed("content_block_start", index=0, content_block=block),
            *(_typed("content_block_delta", **delta) for delta in deltas),
            _typed("content_block_stop", index=0),
            _typed("message_delta", delta=stop, usage={"output_tokens": 7}),
            _typed("message_stop"),
        ]

    def error(self, status: int) -> dict[str, Any]:
        """Anthropic's error object."""
        kind = {429: "rate_limit_error", 500: "api_error"}.get(status, "invalid_request_error")
        return {"type": "error", "error": {"type": kind, "message": f"{POISON} {SECRET}"}}

    def error_event(self) -> bytes:
        """What it sends when it is overloaded in mid-answer."""
        error = {"type": "overloaded_error", "message": POISON}
        return _typed("error", error=error)


def _typed(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


@dataclass(slots=True)
class ProviderStub:
    """`async with` starts it on a free port of the loopback address."""

    format: Format
    fault: str = ""
    """Empty, `http_NNN`, or one of the names in `_answer`."""
    tool: tuple[str, dict[str, Any]] | None = None
    """What it asks for first, its name and arguments."""
    bodies: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    keys: list[str] = field(default_factory=list[str])
    abandoned: list[float] = field(default_factory=list[float])
    url: str = ""
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post(self.format.path, self._take)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.json())
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.keys.append(request.headers.get("x-goog-api-key", bearer))
        try:
            return await self._answer(request)
        except (asyncio.CancelledError, ConnectionResetError):
            self.abandoned.append(asyncio.get_running_loop().time())
            raise

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.fault.startswith("http_"):
            status = int(self.fault[5:])
            headers = {"Retry-After": "30"}
            return web.json_response(self.format.error(status), status=status, headers=headers)
        if self.fault == "stall":
            await asyncio.sleep(60)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        asks = self.tool is not None and len(self.bodies) == 1
        events = self.format.call(*self.tool) if self.tool and asks else self.format.events(PIECES)
        for number, event in enumerate(events):
            await response.write(event)
            if number == self.format.first and self.fault:
                await self._break_off(request, response)
                return response
        return response

    async def _break_off(self, request: web.Request, response: web.StreamResponse) -> None:
        match self.fault:
            case "drop":
                await asyncio.sleep(0.05)
                assert request.transport is not None
                request.transport.abort()
            case "stall_in_stream":
                await asyncio.sleep(60)
            case "odd":
                await response.write(self.format.odd)
            case "cut":
                pass
            case "malformed":
                kind = "event: content_block_delta\n" if self.format.first else ""
                await response.write(f"{kind}data: {{ {POISON} {SECRET}\n\n".encode())
            case "error_event":
                await response.write(self.format.error_event())
            case _:
                raise AssertionError(self.fault)
