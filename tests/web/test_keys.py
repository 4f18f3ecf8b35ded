"""Nothing without a key, but what is named."""

from __future__ import annotations

import re

import pytest
from fastapi.routing import iter_route_contexts

from api_serving import KEY, ApiClient, ApiServer

OPEN = {"/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"}


async def test_every_route_refuses_without_a_key(server: ApiServer) -> None:
    """All routes of the application, every method of each, but the four that are named."""
    refused: set[str] = set()
    answered: set[str] = set()
    async with ApiClient(server.url, key="") as client:
        for route in iter_route_contexts(server.web.routes):
            assert route.path is not None
            path = re.sub(r"\{[^}]*\}", "1", route.path)
            for method in (route.methods or set()) | {"OPTIONS", "PUT"}:
                for headers in ({}, {"Authorization": "Bearer wrong"}):
                    answer = await client.ask(method, path, **headers)
                    (refused if answer.status == 401 else answered).add(route.path)
                    if answer.status == 401 and method != "HEAD":
                        assert answer.json["code"] in {"key.missing", "key.unknown"}
                        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")

    assert answered == OPEN
    assert len(refused) >= 16
    assert not refused & OPEN


@pytest.mark.parametrize(
    "header",
    [
        *("", "Bearer", "Bearer ", f"Basic {KEY}", KEY, f"Bearer {KEY}x", f"Bearer {KEY[:-1]}"),
        *(f"Bearer {KEY} {KEY}", f"Bearer {'x' * 2000}", "Bearer ñ", "Bearer dialogari_"),
    ],
)
async def test_what_is_no_key(api: ApiClient, header: str) -> None:
    """401, and the answer does not repeat it."""
    answer = await api.get("/prompts", Authorization=header)

    assert answer.status == 401
    assert KEY not in answer.text


async def test_a_key_of_the_store(api: ApiClient, server: ApiServer) -> None:
    """It opens what the bootstrap key opens; `bearer` may be written as one likes."""
    assert (await api.get("/prompts", Authorization=f"bEARER  {KEY}")).status == 200
    made = await server.ai.store.keys.make_key("crm")
    async with ApiClient(f"{server.url}/api/v1", key=made) as client:
        assert (await client.get("/prompts")).status == 200
        await server.ai.store.keys.revoke_key("crm")
        refused = await client.get("/prompts")
    assert (refused.status, refused.json["code"]) == (401, "key.unknown")


async def test_an_unknown_address_needs_a_key_too(server: ApiServer) -> None:
    """Who has none is not told what there is."""
    async with ApiClient(server.url, key="") as client:
        for path in ("/", "/api/v1/nothing", "/admin", "/healthz/", "//healthz", "/HEALTHZ"):
            assert (await client.get(path)).status == 401


async def test_no_other_origin_is_let_in(api: ApiClient) -> None:
    """CORS: none."""
    answer = await api.get("/prompts", Origin="https://evil.example")

    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
