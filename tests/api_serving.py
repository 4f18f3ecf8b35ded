"""The REST API for tests: a real server on loopback, and a bare client that shares no code with it.

Nothing of ours is mocked: store, conversations and agent are those of a bridge; only the calls are
noted by hand where a test has no Asterisk.
"""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from pydantic import SecretStr

from dialogari.agent.mcp.servers import McpServers
from dialogari.agent.outbound import Outbound
from dialogari.app.ai import Ai, open_ai
from dialogari.app.live import CallsNow
from dialogari.app.mcp import look_at
from dialogari.app.tools import try_stored
from dialogari.config import Settings
from dialogari.live import Overview
from dialogari.metrics import Metrics
from dialogari.telemetry import TurnLog
from dialogari.web.api.backend import Backend
from dialogari.web.application import build_web
from dialogari.web.server import bind, serve_web
from model_stub import SECRET, ModelStub

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping
    from pathlib import Path

    from fastapi import FastAPI

KEY = "bootstrap-key-of-the-tests"


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, whole."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.text)

    @property
    def etag(self) -> str:
        """Its ETag."""
        return self.headers["ETag"]


@dataclass(slots=True)
class ApiClient:
    """Speaks to the API; `key` goes with every request, none where it is empty."""

    url: str
    key: str = KEY
    session: aiohttp.ClientSession = field(init=False)

    async def __aenter__(self) -> Self:
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20))
        return self

    async def __aexit__(self, *details: object) -> None:
        await self.session.close()

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answered:
        """Send one request; `body` as JSON, `_` in the name of a header for `-`."""
        async with self._send(method, path, body, headers) as answer:
            return Answered(answer.status, answer.headers, await answer.text())

    async def get(self, path: str, **headers: str) -> Answered:
        """Read."""
        return await self.ask("GET", path, **headers)

    async def post(self, path: str, body: object, **headers: str) -> Answered:
        """Make."""
        return await self.ask("POST", path, body, **headers)

    async def put(self, path: str, body: object, **headers: str) -> Answered:
        """Replace."""
        return await self.ask("PUT", path, body, **headers)

    async def delete(self, path: str, **headers: str) -> Answered:
        """Delete."""
        return await self.ask("DELETE", path, **headers)

    async def stream(
        self, method: str, path: str, body: object = None
    ) -> AsyncGenerator[tuple[str, Any]]:
        """Yield the events of a stream; closing it closes the connection."""
        headers = {"Accept": "text/event-stream"}
        async with self._send(method, path, body, headers) as answer:
            assert answer.status == 200, await answer.text()
            assert answer.content_type == "text/event-stream"
            async for event in _events(answer.content):
                yield event

    def _send(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key:
            sent.setdefault("Authorization", f"Bearer {self.key}")
        data = io.BytesIO(body) if isinstance(body, bytes) else None
        return self.session.request(
            method,
            f"{self.url}{path}",
            json=None if data is not None else body,
            data=data,
            headers=sent,
            allow_redirects=False,
        )


async def _events(lines: AsyncIterator[bytes]) -> AsyncGenerator[tuple[str, Any]]:
    name, data = "", ""
    async for line in lines:
        kind, _, value = line.decode().rstrip("\n").partition(": ")
        if kind == "event":
            name = value
        elif kind == "data":
            data += value
        elif not kind and data:
            yield name, json.loads(data)
            name, data = "", ""


@dataclass(slots=True)
class ApiServer:
    """A running API."""

    web: FastAPI
    url: str
    ai: Ai
    calls: CallsNow
    metrics: Metrics
    port: int


def api_settings(folder: Path, stub: ModelStub, **changes: Any) -> Settings:
    """Return settings independent of our environment."""
    values: dict[str, Any] = {
        "default_ai_model": "openai",
        "openai_api_key": SecretStr(SECRET),
        "openai_base_url": stub.url,
        "openai_model_name": "stub",
        "dialogari_state_dir": folder,
        "turn_deadline": 5.0,
        **changes,
    }
    return Settings.model_construct(**{**Settings.model_construct().__dict__, **values})


@asynccontextmanager
async def serving(
    settings: Settings, *, open_backend: bool = True, outbound: Outbound | None = None
) -> AsyncGenerator[ApiServer]:
    """Serve the API on a free port of loopback, with an AI of its own.

    `outbound`: by which tools and MCP servers are tried out; None: that of the AI.
    """
    metrics = Metrics()
    calls = CallsNow()
    async with AsyncExitStack() as stack:
        ai = await stack.enter_async_context(
            open_ai(settings, lambda _: None, spent=metrics.count_tokens)
        )
        servers = ai.servers
        if outbound is not None:
            servers = await stack.enter_async_context(McpServers(outbound))
        backend = Backend(
            conversations=ai.conversations,
            store=ai.store,
            log=TurnLog(metrics, content=False),
            try_tool=partial(try_stored, ai.store.tools, outbound or ai.outbound),
            look_at_server=partial(look_at, ai.store.servers, servers),
            calls=calls,
            look=_overview,
        )
        web = build_web(_ready, metrics, lambda: backend if open_backend else None, KEY)
        listening = stack.enter_context(closing(bind("127.0.0.1", 0)))
        port = listening.getsockname()[1]
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        await stack.enter_async_context(serve_web(web, listening, tasks))
        yield ApiServer(web, f"http://127.0.0.1:{port}", ai, calls, metrics, port)


async def _ready() -> dict[str, bool]:
    return {"database": True}


async def _overview() -> Overview:
    return Overview(
        ready=True,
        parts=await _ready(),
        links=[],
        calls=0,
        database="sqlite",
        default_model="openai:stub",
        fallback_model="",
        providers=["openai"],
        versions={},
    )


async def take(stream: AsyncGenerator[tuple[str, Any]], count: int) -> list[tuple[str, Any]]:
    """Return the first events of a stream, and close it."""
    found: list[tuple[str, Any]] = []
    async with aclosing(stream), asyncio.timeout(10):
        async for event in stream:
            found.append(event)
            if len(found) == count:
                break
    return found
