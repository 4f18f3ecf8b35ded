"""An HTTP tool against a real server: what is sent, and what the model is told."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from dialogari.agent.calls import try_out
from dialogari.agent.outbound import Outbound
from dialogari.agent.tool_rules import make_ready
from dialogari.agent.tools import LONGEST_RESULT, HttpTool, HttpTools
from dialogari.tool import Tool, ToolCall, ToolStatus
from model_stub import POISON
from web_stub import WebStub

KEY = 'Bearer key-0123456789"x'
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"day": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["day"],
}


@pytest.fixture
async def web() -> AsyncGenerator[WebStub]:
    """Run somebody's web service."""
    async with WebStub() as stub:
        yield stub


@pytest.fixture
async def outbound() -> AsyncGenerator[Outbound]:
    """Open the way to this machine."""
    opened = Outbound([ip_network("127.0.0.1/32")])
    yield opened
    await opened.aclose()


async def call(outbound: Outbound, web: WebStub, path: str, **changes: Any) -> ToolCall:
    """Call a tool at a path with the arguments `day` and `count`."""
    arguments = changes.pop("arguments", {"day": "a/ñ", "count": 2})
    tool = Tool("hours", "Hours.", SCHEMA, f"{web.url}{path}", headers={"Authorization": KEY})
    return await try_out(HttpTool(make_ready(replace(tool, **changes)), outbound), arguments)


@pytest.mark.parametrize(
    ("method", "path", "sent", "body"),
    [
        ("GET", "/hours", "/hours?day=a%2F%C3%B1&count=2", ""),
        ("GET", "/hours/{day}?x=1", "/hours/a%2F%C3%B1?x=1&count=2", ""),
        ("DELETE", "/hours/{day}", "/hours/a%2F%C3%B1?count=2", ""),
        ("POST", "/hours", "/hours", '{"day":"a/ñ","count":2}'),
        ("PUT", "/hours/{day}?x={day}", "/hours/a%2F%C3%B1?x=a%2F%C3%B1", '{"count":2}'),
        ("PATCH", "/hours?x=1", "/hours?x=1", '{"day":"a/ñ","count":2}'),
    ],
)
async def test_what_is_sent(
    outbound: Outbound, web: WebStub, method: str, path: str, sent: str, body: str
) -> None:
    """Places in the address first, the rest in query or JSON body, with the tool's headers."""
    ended = await call(outbound, web, path, method=method)

    (received,) = web.received
    assert (ended.status, ended.result) == (ToolStatus.OK, '{"open":"nine"}')
    assert (received.method, received.path, received.body.decode()) == (method, sent, body)
    assert received.headers["Authorization"] == KEY
    assert received.headers.get("Content-Type") == ("application/json" if body else None)


async def test_arguments_cannot_inject_headers(outbound: Outbound, web: WebStub) -> None:
    """A line break in an argument stays an argument, in query and body."""
    evil = {"day": "x\r\nX-Evil: 1\r\n\r\nGET /admin HTTP/1.1", "count": 1}
    for method in ("GET", "POST"):
        assert (await call(outbound, web, "/h", method=method, arguments=evil)).status == "ok"

    assert len(web.received) == 2
    assert not any("X-Evil" in received.headers for received in web.received)
    assert web.received[1].json["day"] == evil["day"]


async def test_arguments_are_checked_before_anything_is_sent(
    outbound: Outbound, web: WebStub
) -> None:
    """What the schema or the address refuses never leaves the machine."""
    for arguments in ({}, {"day": 1}, {"day": "x", "count": "two"}, {"day": "../.."}):
        ended = await call(outbound, web, "/h/{day}", arguments=arguments)
        assert (ended.status, ended.reason) == (ToolStatus.FAILED, "arguments")
        assert ended.result.startswith("arguments refused: ")

    assert not web.received


@pytest.mark.parametrize(
    ("answer", "path", "result"),
    [
        ({"a": {"b": ["x", {"c": "ñ"}]}}, "a.b[1].c", "ñ"),
        ({"a": {"b": ["x", {"c": "ñ"}]}}, "a.b", '["x",{"c":"ñ"}]'),
        ({"a": 0}, "a", "0"),
        ({"a": False}, "a", "false"),
        ({"a": None}, "a", "nothing found"),
        ({}, "a.b", "nothing found"),
        (["x"], "[0]", "x"),
        ({"d": [{"n": 1, "o": "y"}, {"n": 2, "o": "z"}]}, "d[?n==`2`].o | [0]", "z"),
        ({"a b": 1}, '"a b"', "1"),
        ("just text", None, "just text"),
        ({"a": 1}, None, '{"a":1}'),
    ],
)
async def test_result_path(
    outbound: Outbound, web: WebStub, answer: object, path: str | None, result: str
) -> None:
    """Text comes as it is, anything else as JSON, nothing as a sentence."""
    web.answer = answer

    ended = await call(outbound, web, "/h", result_path=path)

    assert (ended.status, ended.result) == (ToolStatus.OK, result)


@pytest.mark.parametrize(
    ("path", "reason", "says"),
    [
        ("/status/500", "http_500", "the server answered 500"),
        ("/status/503", "http_503", "the server answered 503"),
        ("/status/404", "http_404", f'the server answered 404: {{"error": "because {POISON}"}}'),
        ("/html", "not_data", "page"),
        ("/binary", "not_data", "page"),
        ("/broken", "malformed", "can't be read"),
        ("/giant", "too_large", "262144 bytes"),
        ("/endless", "too_large", "262144 bytes"),
        ("/bomb/gzip", "too_large", "262144 bytes"),
        ("/drip", "timeout", "no answer within 0.5 seconds"),
        ("/slow/20", "timeout", "no answer within 0.5 seconds"),
        ("/redirect/302", "address", "may not be reached"),
    ],
)
async def test_faults_of_a_server(
    outbound: Outbound, web: WebStub, path: str, reason: str, says: str
) -> None:
    """Each has its reason, and a short text for the model."""
    web.redirect = "http://169.254.169.254/latest/meta-data/"
    slow = path.startswith(("/drip", "/slow"))

    ended = await call(outbound, web, path, timeout=0.5 if slow else 10.0)

    assert (ended.status, ended.reason) == (ToolStatus.FAILED, reason)
    assert says in ended.result
    assert len(ended.result) < 600
    if reason != "http_404":
        assert POISON not in ended.result


async def test_arguments_nested_without_end(outbound: Outbound, web: WebStub) -> None:
    """They are refused, whatever the schema lets pass."""
    nested: Any = []
    for _ in range(2000):
        nested = [nested]

    ended = await call(outbound, web, "/h", arguments={"day": "x", "more": nested})

    assert (ended.reason, web.received) == ("arguments", [])


async def test_plain_text_is_told_as_it_is(outbound: Outbound, web: WebStub) -> None:
    """Not only JSON is data."""
    assert (await call(outbound, web, "/text")).result == "plainly said"


async def test_a_long_result_is_cut(outbound: Outbound, web: WebStub) -> None:
    """The model is told that there was more."""
    web.answer = "x" * 100_000

    ended = await call(outbound, web, "/h")

    assert len(ended.result) == LONGEST_RESULT
    assert ended.result.endswith("[cut: the result was longer]")


async def test_secrets_are_in_no_result(
    outbound: Outbound, web: WebStub, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that says them back is not passed on, whole, in part, or escaped in JSON."""
    told = await call(outbound, web, "/headers")
    web.answer = {"token": KEY.partition(" ")[2]}
    in_part = await call(outbound, web, "/h", result_path="token")

    assert "[hidden]" in told.result
    failed = await call(outbound, web, "/status/500")
    said = told.result + in_part.result + repr((told, failed)) + "".join(capsys.readouterr())
    assert "key-0123456789" not in said


async def test_a_row_is_made_ready_once_until_it_is_edited(outbound: Outbound) -> None:
    """The same row gives the same tool; an edit a new one; one edited by hand is left out."""
    tools = HttpTools(outbound)
    row = Tool("hours", "Hours.", SCHEMA, "https://shop.example/")

    (first,) = tools.prepare([row])
    (again,) = tools.prepare([replace(row, parameters=dict(SCHEMA))])
    (edited,) = tools.prepare([replace(row, description="Opening hours.")])

    assert first is again
    assert edited.definition.description == "Opening hours."
    assert tools.prepare([replace(row, url="nonsense")]) == []
