"""Somebody's web service, for tools to call: real HTTP on loopback, with faults to choose.

Each path is a behaviour; every request is kept.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from model_stub import POISON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived."""

    method: str
    path: str
    """With its query, as it was on the wire."""
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(slots=True)
class WebStub:
    """`async with` starts it on a free port; `host` is any address of loopback."""

    host: str = "127.0.0.1"
    received: list[Received] = field(default_factory=list[Received])
    redirect: str = ""
    """Where `/redirect/{status}` leads."""
    answer: object = field(default_factory=lambda: {"open": "nine"})
    """What every other path answers, as JSON."""
    most_at_once: int = 0
    url: str = ""
    at_once: int = 0
    """Requests being answered now."""
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._take)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, 0).start()
        shown = f"[{self.host}]" if ":" in self.host else self.host
        self.url = f"http://{shown}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.received.append(
            Received(request.method, request.raw_path, dict(request.headers), await request.read())
        )
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._behave(request, request.path.lstrip("/"))
        finally:
            self.at_once -= 1

    async def _behave(self, request: web.Request, path: str) -> web.StreamResponse:
        kind, _, rest = path.partition("/")
        if kind in {"giant", "endless", "drip"}:
            return await _stream(request, kind)
        if kind == "slow":
            await asyncio.sleep(float(rest))
        if kind == "redirect":
            return web.Response(status=int(rest), headers={"Location": self.redirect})
        if kind == "headers":
            return web.json_response(dict(request.headers))
        return _special(kind, rest) or web.json_response(self.answer)


def _special(kind: str, rest: str) -> web.Response | None:
    match kind:
        case "status":
            response = web.json_response({"error": f"because {POISON}"}, status=int(rest))
        case "html":
            response = web.Response(text=f"<html>{POISON}</html>", content_type="text/html")
        case "text":
            response = web.Response(text="plainly said")
        case "binary":
            response = web.Response(body=bytes(range(256)), content_type="image/png")
        case "broken":
            response = web.Response(text="{not json", content_type="application/json")
        case "gzip":
            response = _packed(gzip.compress(b'{"a": 1}'), "gzip")
        case "bomb":
            response = _packed(_bomb(), rest)
        case "odd-packing":
            response = _packed(b"xxx", rest)
        case _:
            response = None
    return response


def _packed(body: bytes, packing: str) -> web.Response:
    headers = {"Content-Encoding": packing, "Content-Type": "application/json"}
    return web.Response(body=body, headers=headers)


def _bomb() -> bytes:
    """200 MB of blanks in 200 kB."""
    packer = zlib.compressobj(9, wbits=31)
    block = b" " * 1_000_000
    return b"".join(packer.compress(block) for _ in range(200)) + packer.flush()


async def _stream(request: web.Request, kind: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    async for piece in _pieces(kind):
        await response.write(piece)
    return response


async def _pieces(kind: str) -> AsyncIterator[bytes]:
    if kind == "giant":
        yield b'"' + b"x" * 300_000 + b'"'
    elif kind == "endless":
        while True:
            yield b"x" * 10_000
    else:
        while True:
            yield b" "
            await asyncio.sleep(0.05)
