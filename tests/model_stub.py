"""A language model that isn't one: speaks OpenAI's chat-completions API over real HTTP.

It answers what the test tells it to, records every request, and can fail in every way that real
servers were seen to fail.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

if TYPE_CHECKING:
    from types import TracebackType

SECRET = "sk-stub-0123456789abcdef"
POISON = "POISON-TEXT-OF-A-SERVER"
"""Stands in every error the stub sends; it must never reach a log, a variable or a caller."""

PIECE = 40
"""Characters in one chunk of an answer."""

_BEHAVIOUR = (
    "answer",
    "act",
    "fault",
    "opening",
    "delay",
    "pace",
    "hold",
    "linger",
    "asked",
    "abandoned",
)

Answer = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Ask:
    """The model asks for a tool; `arguments` as it writes them, JSON or not."""

    name: str
    arguments: str = "{}"
    id: str = "call_1"
    pause: float = 0.0
    """Seconds between the name and the arguments."""


Act = Callable[["Asked"], "str | list[Ask | str]"]
"""What a model does that may use tools: it says something, asks for tools, or both."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived."""

    messages: list[dict[str, Any]]
    authorization: str
    tools: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    tool_choice: str = ""
    """Empty where it was not sent."""
    form: str = ""
    """The schema it is held to, as JSON; empty without one."""

    @property
    def question(self) -> str:
        """The caller's words, or what a tool has said."""
        return str(self.messages[-1]["content"])

    @property
    def outcomes(self) -> list[str]:
        """What the tools of this turn have said so far."""
        return [str(m["content"]) for m in self.messages if m["role"] == "tool"]

    @property
    def instructions(self) -> str:
        """The prompt."""
        return "\n".join(str(m["content"]) for m in self.messages if m["role"] == "system")


def echo(question: str) -> str:
    """Answer with the question."""
    return f"You said {question}"


@dataclass(slots=True)
class ModelStub:
    """`async with` starts it on a free port of the loopback address."""

    answer: Answer = echo
    act: Act | None = None
    """In place of `answer`, for a model with tools."""
    fault: str = ""
    """Empty, or one of the names in `_fail`."""
    opening: str = "The first words "
    """What it says before it breaks off in mid-stream."""
    delay: float = 0.0
    """Seconds before the first token."""
    pace: float = 0.0
    """Seconds after each chunk of an answer."""
    asked: list[Asked] = field(default_factory=list[Asked])
    hold: asyncio.Event | None = None
    """What it waits for before it breaks off in mid-stream."""
    linger: float = 0.0
    """Seconds for which it holds on to a stream that it has spoilt, unless the client closes it."""
    running: int = 0
    """Requests that are being answered."""
    abandoned: list[float] = field(default_factory=list[float])
    """When the client closed a request that was still being answered, on the loop's clock."""
    url: str = ""
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._complete)
        # Cancelled handlers are how a closed connection is seen.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def renew(self) -> None:
        """Be as a new one, at the same address."""
        fresh = ModelStub()
        for name in _BEHAVIOUR:
            setattr(self, name, getattr(fresh, name))

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        asked = Asked(
            body["messages"],
            request.headers.get("Authorization", ""),
            body.get("tools", []),
            body.get("tool_choice", ""),
            json.dumps(body.get("response_format", "")),
        )
        self.asked.append(asked)
        self.running += 1
        try:
            await asyncio.sleep(self.delay)
            if self.fault:
                return await self._fail(request)
            acted = self.act(asked) if self.act else self.answer(asked.question)
            return await self._stream(request, acted)
        except (asyncio.CancelledError, ConnectionResetError):
            self.abandoned.append(asyncio.get_running_loop().time())
            raise
        finally:
            self.running -= 1

    async def _stream(
        self, request: web.Request, acted: str | list[Ask | str]
    ) -> web.StreamResponse:
        response = await _open_stream(request)
        calls = 0
        for said in [acted] if isinstance(acted, str) else acted:
            if isinstance(said, str):
                for start in range(0, len(said), PIECE):
                    await _send(response, {"content": said[start : start + PIECE]})
                    await asyncio.sleep(self.pace)
            else:
                await _send_call(response, said, calls)
                calls += 1
        await _send(response, {}, finish_reason="tool_calls" if calls else "stop")
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        await _send_chunk(response, {**_chunk(), "choices": [], "usage": usage})
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _fail(self, request: web.Request) -> web.StreamResponse:
        match self.fault:
            case "http_401" | "http_404" | "http_429" | "http_500" | "http_503":
                error = {"error": {"message": f"{POISON} {SECRET}", "type": "bad", "code": None}}
                headers = {"Retry-After": "30"}
                return web.json_response(error, status=int(self.fault[5:]), headers=headers)
            case "html":
                return web.Response(text=f"<html>{POISON}</html>", content_type="text/html")
            case "empty":
                return await self._stream(request, "")
            case "blank":
                return await self._stream(request, " \n ** ** \n ")
            case "stall":
                await asyncio.sleep(60)
            case "endless":
                await self._never_stop(request)
            case "endless_html" | "endless_500":
                await self._never_end_a_page(request)
            case _:
                return await self._break_stream(request)
        return web.Response()

    async def _break_stream(self, request: web.Request) -> web.StreamResponse:
        response = await _open_stream(request)
        await _send(response, {"content": self.opening})
        await asyncio.sleep(self.pace)
        if self.hold is not None:
            await self.hold.wait()
        match self.fault:
            case "malformed":
                await response.write(f"data: {{ {POISON} {SECRET} \n\n".encode())
                await response.write(b"data: [DONE]\n\n")
                await asyncio.sleep(self.linger)
            case "error_event":
                error = {"error": {"message": f"{POISON} {SECRET}", "code": 500}}
                await response.write(f"data: {json.dumps(error)}\n\n".encode())
                await asyncio.sleep(self.linger)
            case "cut":
                pass
            case "stall_in_stream":
                await asyncio.sleep(60)
            case "drop":
                assert request.transport is not None
                request.transport.abort()
            case _:
                raise AssertionError(self.fault)
        return response

    async def _never_stop(self, request: web.Request) -> None:
        response = await _open_stream(request)
        while True:
            await _send(response, {"content": "and on and on " * 50})

    async def _never_end_a_page(self, request: web.Request) -> None:
        status = 500 if self.fault == "endless_500" else 200
        response = web.StreamResponse(status=status, headers={"Content-Type": "text/html"})
        await response.prepare(request)
        while True:
            await response.write(f"<p>{POISON} {SECRET}</p>".encode() * 50)


async def _open_stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    return response


def _chunk() -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "stub"}


async def _send(
    response: web.StreamResponse, delta: dict[str, Any], finish_reason: str | None = None
) -> None:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    await _send_chunk(response, {**_chunk(), "choices": [choice]})


async def _send_call(response: web.StreamResponse, ask: Ask, index: int) -> None:
    """Send a tool call the way OpenAI does: its name first, its arguments in two pieces."""
    half = len(ask.arguments) // 2
    first = {"name": ask.name, "arguments": ""}
    await _send(
        response,
        {"tool_calls": [{"index": index, "id": ask.id, "type": "function", "function": first}]},
    )
    await asyncio.sleep(ask.pause)
    for piece in (ask.arguments[:half], ask.arguments[half:]):
        await _send(response, {"tool_calls": [{"index": index, "function": {"arguments": piece}}]})


async def _send_chunk(response: web.StreamResponse, chunk: dict[str, Any]) -> None:
    await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
