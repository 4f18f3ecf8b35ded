"""MCP servers by the API, on both databases: addresses are written, programs are not."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from api_serving import ApiClient, ApiServer, api_settings, serving
from dialogari.tool import MASK, McpServer
from model_stub import ModelStub

TESTS = Path(__file__).parents[1]
SECRET = "Bearer api-secret-0123"
CRM: dict[str, Any] = {
    "url": "https://crm.example/mcp",
    "headers": {"Authorization": SECRET},
    "timeout": 2.5,
}
PROGRAM: dict[str, Any] = {"command": "/bin/sh", "args": ["-c", "id"], "env": {"A": "b"}}
STORED = McpServer("shop", "/opt/shop", ("--read-only",), {"KEY": SECRET})


@asynccontextmanager
async def shop_at_an_address() -> AsyncGenerator[str]:
    """Run an MCP server over HTTP."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(TESTS / "mcp_program.py"), "http"),
        env={**os.environ, "PORT": "0"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_server_from_its_making_to_its_end(each_api: ApiClient) -> None:
    """Made, read, edited with its secret kept, deleted; no answer has the secret in it."""
    made = await each_api.post("/mcp", {"name": "crm", **CRM})
    read = await each_api.get("/mcp/crm")
    listed = await each_api.get("/mcp")
    kept = {**CRM, "headers": {"Authorization": MASK}, "timeout": 9.0}
    edited = await each_api.put("/mcp/crm", kept, If_Match=read.etag)
    stale = await each_api.put("/mcp/crm", kept, If_Match=read.etag)
    undone = await each_api.delete("/mcp/crm", If_Match=read.etag)
    taken = await each_api.post("/mcp", {"name": "crm", **CRM})
    deleted = await each_api.delete("/mcp/crm", If_Match=edited.etag)
    gone = await each_api.delete("/mcp/crm")

    assert (made.status, made.headers["Location"]) == (201, "/api/v1/mcp/crm")
    expected = {**CRM, "name": "crm", "version": 1, "headers": {"Authorization": MASK}}
    expected |= {"command": "", "args": [], "env": {}, "updated": read.json["updated"]}
    assert expected == read.json == made.json == listed.json["items"][0]
    assert (edited.status, edited.json["version"], edited.json["timeout"]) == (200, 2, 9.0)
    assert (stale.status, undone.status) == (412, 412)
    assert (taken.status, taken.json["code"]) == (409, "mcp.taken")
    assert (deleted.status, gone.status, gone.json["code"]) == (204, 404, "mcp.unknown")
    assert "api-secret" not in "".join(
        answer.text for answer in (made, read, listed, edited, stale, taken)
    )


async def test_of_many_at_once_one_wins(each_api: ApiClient) -> None:
    """Ten that make it at the same time make one; of ten edits of one version one is stored."""
    made = await asyncio.gather(
        *(each_api.put("/mcp/crm", CRM, If_None_Match="*") for _ in range(10))
    )
    seen = (await each_api.get("/mcp/crm")).etag
    edited = await asyncio.gather(
        *(each_api.put("/mcp/crm", CRM, If_Match=seen) for _ in range(10))
    )

    assert sorted(a.status for a in made) == [201] + [412] * 9
    assert sorted(a.status for a in edited) == [200] + [412] * 9


async def test_a_program_is_shown_and_not_written(api: ApiClient, server: ApiServer) -> None:
    """Whatever a key asks for, no program is stored, changed or deleted; it is told who may."""
    await server.ai.store.servers.put(STORED)
    shown = await api.get("/mcp/shop")
    refused = [
        await api.post("/mcp", {"name": "new", **PROGRAM}),
        await api.put("/mcp/new", {**CRM, **PROGRAM}),
        await api.put("/mcp/shop", PROGRAM, If_Match=shown.etag),
        await api.put("/mcp/shop", CRM),
        await api.delete("/mcp/shop"),
    ]

    assert shown.json | {"updated": None} == {
        "name": "shop",
        "version": 1,
        "command": "/opt/shop",
        "args": ["--read-only"],
        "env": {"KEY": MASK},
        "url": "",
        "headers": {},
        "timeout": 5.0,
        "updated": None,
    }
    for answer in refused:
        assert (answer.status, answer.json["code"]) == (403, "mcp.program")
        assert "`dialogari mcp set`" in answer.json["detail"]
        assert "/bin/sh" not in answer.text
    assert [row.name for row in await server.ai.store.servers.list_all()] == ["shop"]
    assert (await api.get("/mcp/shop")).etag == shown.etag


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"url": "http://me:pass@crm.example/"}, "url"),
        ({"url": "https://:80/"}, "url"),
        ({"headers": {"X": MASK}}, "header X"),
        ({"headers": {"Host": "x"}}, "Host"),
    ],
)
async def test_what_can_be_no_server(api: ApiClient, change: dict[str, Any], says: str) -> None:
    """422, with the reason in words."""
    answer = await api.put("/mcp/crm", {**CRM, **change})

    assert (answer.status, answer.json["code"]) == (422, "mcp.invalid")
    assert says in answer.json["detail"]


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, "body.url"),
        ({"command": ""}, "body.url"),
        ({**CRM, "args": ["x"]}, "body.args"),
        ({**CRM, "timeout": 61}, "body.timeout"),
        ({**CRM, "url": "file:///etc/passwd"}, "body.url"),
        ({**CRM, "headers": {"X": f"{SECRET}\n"}}, "body.headers.X"),
        ([PROGRAM], "body"),
    ],
)
async def test_what_is_no_description_of_a_server(
    api: ApiClient, body: object, location: str
) -> None:
    """422 with its place, and what was sent is not repeated: it may be the secret."""
    answer = await api.put("/mcp/crm", body)

    assert (answer.status, answer.json["code"]) == (422, "request.invalid")
    assert answer.json["errors"][0]["location"] == location
    assert "api-secret" not in answer.text


async def test_a_server_is_tried_out(tmp_path: Path, stub: ModelStub) -> None:
    """What it offers, under the names that prompts use; why it is away; 404 for no server."""
    settings = api_settings(tmp_path, stub, tool_networks=(ip_network("127.0.0.1/32"),))
    async with (
        shop_at_an_address() as url,
        serving(settings) as server,
        ApiClient(f"{server.url}/api/v1") as api,
    ):
        await api.put("/mcp/shop", {"url": url})
        await api.put("/mcp/guarded", {"url": "http://169.254.169.254/mcp"})
        good = await api.post("/mcp/shop/try", None)
        guarded = await api.post("/mcp/guarded/try", None)
        missing = await api.post("/mcp/nobody/try", None)

    assert good.status == guarded.status == 200
    assert (good.json["status"], good.json["reason"]) == ("ok", "")
    hours = next(tool for tool in good.json["tools"] if tool["name"] == "shop/hours")
    assert hours["description"] == "When the shop is open."
    assert hours["parameters"]["required"] == ["day"]
    assert guarded.json == {"status": "away", "reason": "address", "tools": []}
    assert (missing.status, missing.json["code"]) == (404, "mcp.unknown")
