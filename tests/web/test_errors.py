"""Errors of every kind are problem documents, and say nothing that they should not."""

from __future__ import annotations

import asyncio
import io
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from api_serving import KEY, Answered, ApiClient, ApiServer, serving
from dialogari.config import Settings
from dialogari.telemetry import configure_logs
from dialogari.web.api.bodies import MAX_BODY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

POISON = "the text of an exception"


def _check(answer: Answered, status: int, code: str) -> None:
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = answer.json
    assert document["type"] == "about:blank"
    assert document["title"] == HTTPStatus(status).phrase
    assert document["status"] == status
    assert document["code"] == code
    assert document["detail"]


async def test_each_kind(api: ApiClient) -> None:
    """404, 405, 413, 422 and what else a client can do wrong."""
    _check(await api.get("/nothing"), 404, "http.not_found")
    _check(await api.get("/prompts/nobody"), 404, "prompt.unknown")
    _check(await api.get("/tools/nobody"), 404, "tool.unknown")
    _check(await api.get("/conversations/nobody"), 404, "conversation.unknown")
    _check(await api.get("/prompts?limit=0"), 422, "request.invalid")
    _check(await api.post("/turns", {}), 422, "request.invalid")
    for path in ("/prompts", "/prompts/default/versions", "/tools", "/conversations", "/calls"):
        for cursor in ("x", "ñ", "W10", "WyJhIl1", "bnVsbA", "WzEsMl0"):
            answer = await api.get(f"{path}?cursor={cursor}")
            assert answer.status in {200, 404}, (path, cursor, answer.text)
            assert "Traceback" not in answer.text


async def test_a_method_that_is_not_there(api: ApiClient) -> None:
    """405 with all that may be done at the address, whichever route has it."""
    wrong = await api.ask("PATCH", "/prompts/default", {})

    _check(wrong, 405, "http.method_not_allowed")
    assert wrong.headers["Allow"] == "DELETE, GET, PUT"
    assert (await api.ask("DELETE", "/prompts")).headers["Allow"] == "GET, POST"


async def test_what_is_too_large(api: ApiClient) -> None:
    """413 for a body beyond the limit, with its length told or not; the server goes on."""
    body = json.dumps({"content": "x" * MAX_BODY}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    told = await api.put("/prompts/large", body, Content_Type="application/json")
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    async with api.session.put(f"{api.url}/prompts/large", data=pieces(), headers=headers) as found:
        untold = Answered(found.status, found.headers, await found.text())

    _check(told, 413, "body.too_large")
    _check(untold, 413, "body.too_large")
    assert (await api.get("/prompts/large")).status == 404


async def test_deep_and_odd_json(api: ApiClient) -> None:
    """No body is a fault of ours: nested without end, numbers that are none, half characters."""
    deep = b'{"arguments": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    for body in (deep, b'{"arguments": {"a": NaN}}', b'{"arguments": {"a": "\\ud800"}}', b"\xff"):
        answer = await api.post("/tools/x/try", body, Content_Type="application/json")
        assert answer.status in {400, 422}
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_fault_of_ours(server: ApiServer, api: ApiClient) -> None:
    """500, and the exception's text in neither the answer nor the log; the server goes on."""
    log = io.StringIO()
    configure_logs("DEBUG", "json", log)

    async def broken() -> None:
        raise RuntimeError(POISON)

    server.web.add_api_route("/api/v1/broken", broken)

    _check(await api.get("/broken"), 500, "fault")
    assert POISON not in (await api.get("/broken")).text
    assert '"request_failed"' in log.getvalue()
    assert "RuntimeError" in log.getvalue()
    assert POISON not in log.getvalue()
    assert KEY not in log.getvalue()
    assert (await api.get("/prompts")).status == 200


async def test_a_store_that_fails(server: ApiServer, api: ApiClient) -> None:
    """503 with the reason and when to come again; a key of the store can't be told then either."""
    made = await server.ai.store.keys.make_key("mine")
    await server.ai.store.database.aclose()

    answer = await api.get("/prompts")
    other = await api.get("/prompts", Authorization=f"Bearer {made}")

    _check(answer, 503, "store.closed")
    _check(other, 503, "store.closed")
    assert answer.headers["Retry-After"] == "2"
    assert (await api.post("/turns", {"text": "hello"})).json["error"] == "store.closed"


async def test_before_it_is_ready(settings: Settings) -> None:
    """503 for those with a key while the models load; health is answered, and 401 stays 401."""
    async with serving(settings, open_backend=False) as server, ApiClient(server.url) as client:
        _check(await client.get("/api/v1/prompts"), 503, "not_ready")
        _check(await client.get("/api/v1/prompts", Authorization=""), 401, "key.missing")
        assert (await client.get("/healthz")).status == 200


async def test_a_client_that_stops_in_the_middle(api: ApiClient, server: ApiServer) -> None:
    """A body that breaks off harms nobody else."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        f"POST /api/v1/turns HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    del reader

    assert (await api.get("/status")).status == 200
