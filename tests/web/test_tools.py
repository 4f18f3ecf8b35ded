"""Tools by the API, on both databases: their secrets stay in, and one is tried out."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from api_serving import ApiClient, api_settings, serving
from dialogari.config import Network, Settings
from dialogari.tool import MASK
from model_stub import ModelStub
from web_stub import WebStub

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "Bearer api-secret-0123"
HOURS: dict[str, Any] = {
    "description": "When the shop is open.",
    "parameters": {
        "type": "object",
        "properties": {"zone": {}, "day": {"type": "string"}},
        "required": ["day"],
    },
    "url": "https://shop.example/hours/{day}",
    "headers": {"Authorization": SECRET},
    "timeout": 2.5,
    "result_path": "open",
}


async def test_a_tool_from_its_making_to_its_end(each_api: ApiClient) -> None:
    """Made, read, edited with its secret kept, deleted; no answer has the secret in it."""
    made = await each_api.post("/tools", {"name": "hours", **HOURS})
    read = await each_api.get("/tools/hours")
    listed = await each_api.get("/tools")
    kept = {**HOURS, "headers": {"Authorization": MASK}, "description": "Hours."}
    edited = await each_api.put("/tools/hours", kept, If_Match=read.etag)
    stale = await each_api.put("/tools/hours", kept, If_Match=read.etag)
    taken = await each_api.post("/tools", {"name": "hours", **HOURS})
    deleted = await each_api.delete("/tools/hours", If_Match=edited.etag)
    gone = await each_api.delete("/tools/hours")

    assert (made.status, made.headers["Location"]) == (201, "/api/v1/tools/hours")
    expected = {**HOURS, "name": "hours", "method": "GET", "headers": {"Authorization": MASK}}
    assert read.json | expected == read.json == made.json == listed.json["items"][0]
    assert list(read.json["parameters"]["properties"]) == ["zone", "day"]
    assert (edited.status, edited.json["version"]) == (200, 2)
    assert (stale.status, taken.status) == (412, 409)
    assert (deleted.status, gone.status) == (204, 404)
    assert "api-secret" not in "".join(
        answer.text for answer in (made, read, listed, edited, stale, taken)
    )


async def test_a_tool_made_again_is_another_one(each_api: ApiClient) -> None:
    """The ETag of a tool that was deleted does not fit the one made after it."""
    old = (await each_api.put("/tools/hours", HOURS)).etag
    await each_api.delete("/tools/hours")
    new = await each_api.put("/tools/hours", HOURS)

    assert new.json["version"] == 1
    assert (await each_api.put("/tools/hours", HOURS, If_Match=old)).status == 412


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"url": "https://{day}.example/"}, "url"),
        ({"url": "https://shop.example/{city}"}, "city"),
        ({"parameters": {"type": "object", "properties": {"day": {"type": 7}}}}, "url"),
        ({"result_path": "a[", "url": "https://shop.example/"}, "result_path"),
        ({"headers": {"X": MASK}}, "header X"),
        ({"headers": {"Host": "x"}}, "Host"),
    ],
)
async def test_what_can_be_no_tool(api: ApiClient, change: dict[str, Any], says: str) -> None:
    """422, with the reason in words."""
    answer = await api.put("/tools/hours", {**HOURS, **change})

    assert (answer.status, answer.json["code"]) == (422, "tool.invalid")
    assert says in answer.json["detail"]


@pytest.mark.parametrize(
    "change",
    [
        {"timeout": "5"},
        {"timeout": True},
        {"timeout": 61},
        {"method": "TRACE"},
        {"headers": {"X": 1}},
        {"headers": {"X": f"{SECRET}\n"}},
        {"headers": {"a b": SECRET}},
        {"parameters": {"type": "object", "title": "\ud800"}},
        {"parameters": {"title": "of no type"}},
        {"url": "ftp://shop.example/"},
    ],
)
async def test_what_is_no_description_of_a_tool(api: ApiClient, change: dict[str, Any]) -> None:
    """422 with its place, and what was sent is not repeated: it may be the secret."""
    answer = await api.put("/tools/hours", {**HOURS, **change})

    assert (answer.status, answer.json["code"]) == (422, "request.invalid")
    assert answer.json["errors"][0]["location"].startswith(f"body.{next(iter(change))}")
    assert "api-secret" not in answer.text


async def test_a_tool_is_tried_out(tmp_path: Path, stub: ModelStub) -> None:
    """As a call would use it: what the model is told, or why it failed; 404 for no tool."""
    settings: Settings = api_settings(tmp_path, stub, tool_networks=_networks("127.0.0.1/32"))
    async with (
        WebStub() as web,
        serving(settings) as server,
        ApiClient(f"{server.url}/api/v1") as api,
    ):
        await api.put("/tools/hours", {**HOURS, "url": f"{web.url}/hours/{{day}}"})
        good = await api.post("/tools/hours/try", {"arguments": {"day": "Monday"}})
        wrong = await api.post("/tools/hours/try", {"arguments": {"day": 7}})
        missing = await api.post("/tools/nobody/try", {})

    assert good.status == wrong.status == 200
    assert (good.json["status"], good.json["result"]) == ("ok", "nine")
    assert (wrong.json["status"], wrong.json["reason"]) == ("failed", "arguments")
    assert missing.status == 404
    assert [r.headers["Authorization"] for r in web.received] == [SECRET]


def _networks(*names: str) -> tuple[Network, ...]:
    return tuple(map(ip_network, names))
