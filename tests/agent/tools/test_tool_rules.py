"""What can be a tool, and how its address is filled in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from dialogari.agent.address_template import AddressTemplate, ArgumentError
from dialogari.agent.tool_rules import check_tool, make_ready
from dialogari.tool import MASK, InvalidToolError, Tool
from web_stub import WebStub

GOOD = Tool(
    "customer",
    "Finds a customer.",
    {
        "type": "object",
        "properties": {"number": {"type": "string"}, "full": {"type": "boolean"}},
        "required": ["number"],
        "additionalProperties": False,
    },
    "https://crm.example/customers/{number}",
    result_path="data[0].name",
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"method": "PATCH", "timeout": 60.0},
        {"url": "http://10.0.0.5:8080"},
        {"url": "http://[fd00::5]:8080/a?b={number}&c=1"},
        {"url": "https://bücher.example/{number}.json"},
        {"headers": {"Authorization": "Bearer x y", "X-Key": MASK}},
        {"result_path": None, "parameters": {"type": "object"}, "url": "http://a.example/"},
    ],
)
def test_tools(changes: dict[str, Any]) -> None:
    """These are tools."""
    check_tool(replace(GOOD, **changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        *(({"name": name}, "name:") for name in ("", "a b", "7up", "ñ", "x" * 65, "a.b", "a\n")),
        ({"description": " "}, "description:"),
        ({"description": "x" * 1025}, "description:"),
        ({"method": "get"}, "method:"),
        ({"method": "CONNECT"}, "method:"),
        *(({"timeout": t}, "timeout:") for t in (0, -1, 61, float("nan"), float("inf"))),
        *(
            ({"url": url}, "url:")
            for url in (
                "",
                "crm.example/x",
                "ftp://crm.example/",
                "file:///etc/passwd",
                "unix:///run/docker.sock",
                "http:///x",
                "https://{number}.example/",
                "https://crm.example:{number}/",
                "https://{number}@crm.example/",
                "https://crm.example{number}/",
                "{number}://crm.example/",
                "https://user:pass@crm.example/",
                "https://crm.example\\@evil.example/",
                "https://crm.example/a b",
                "https://crm.example/\r\nX: y",
                "https://crm.example/#{number}",
                "https://crm.example/{other}",
                "https://crm.example/{full}",  # not required
                "https://crm.example/{number",
                "https://crm.example/{}",
                "https://crm.example/{{number}}",
                "https://crm.example:99999/",
                "http://[::1/",
            )
        ),
        *(
            ({"headers": headers}, "headers:")
            for headers in (
                {"Host": "x"},
                {"content-length": "1"},
                {"Transfer-Encoding": "chunked"},
                {"X Y": "z"},
                {"": "z"},
                {"X": "a\r\nY: b"},
                {"X": "a\x00"},
                {"X": ""},
                {"X": "ñ"},
                {"X": "1", "x": "2"},
            )
        ),
        *(
            ({"parameters": schema, "url": "http://a.example/"}, "parameters:")
            for schema in (
                {},
                {"type": "string"},
                {"type": "object", "properties": {"a": {"type": "strnig"}}},
                {"type": "object", "properties": {"a": {"pattern": "("}}},
                {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1/s.json"}}},
                {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}},
                {"type": "object", "$schema": "http://127.0.0.1/meta"},
            )
        ),
        ({"result_path": "a["}, "result_path:"),
        ({"result_path": ""}, "result_path:"),
    ],
)
def test_what_is_no_tool(changes: dict[str, Any], says: str) -> None:
    """The field that is wrong is named first, and no header's value is repeated."""
    with pytest.raises(InvalidToolError) as caught:
        check_tool(replace(GOOD, **changes))

    assert str(caught.value).startswith(says)
    assert "Y: b" not in str(caught.value)


async def test_nothing_is_fetched_for_a_schema() -> None:
    """A schema that refers to a document is refused unread."""
    async with WebStub(answer={"type": "string"}) as web:
        schema = {"type": "object", "properties": {"a": {"$ref": f"{web.url}/schema.json"}}}
        tool = replace(GOOD, parameters=schema, url="http://a.example/")
        with pytest.raises(InvalidToolError):
            await asyncio.to_thread(check_tool, tool)

    assert not web.received


@pytest.mark.parametrize(
    ("template", "arguments", "rest", "filled"),
    [
        ("https://a.example", {}, {}, "https://a.example/"),
        ("https://a.example/c/{n}", {"n": "7"}, {}, "https://a.example/c/7"),
        ("https://a.example/c/{n}", {"n": 7}, {"x": True}, "https://a.example/c/7?x=true"),
        ("https://a.example/{n}.json", {"n": "ñ o"}, {}, "https://a.example/%C3%B1%20o.json"),
        ("https://a.example/{n}/x", {"n": "a/b"}, {}, "https://a.example/a%2Fb/x"),
        (
            "https://a.example/{n}",
            {"n": "x?y=1#z&a=b"},
            {},
            "https://a.example/x%3Fy%3D1%23z%26a%3Db",
        ),
        ("https://a.example/{n}", {"n": "@b.example"}, {}, "https://a.example/%40b.example"),
        ("https://a.example/{n}", {"n": "100%"}, {}, "https://a.example/100%25"),
        ("https://a.example/añ?q={n}", {"n": "a&b=c"}, {}, "https://a.example/a%C3%B1?q=a%26b%3Dc"),
        (
            "https://a.example/?k=1&q={n}",
            {"n": "a\r\nX: y"},
            {"l": ["x", 2, None], "o": {"a": "ñ"}, "none": None},
            "https://a.example/?k=1&q=a%0D%0AX%3A%20y&l=x&l=2&o=%7B%22a%22%3A+%22%C3%B1%22%7D",
        ),
        ("http://[fd00::5]:81/{n}", {"n": "..a"}, {}, "http://[fd00::5]:81/..a"),
        ("https://bücher.example/{n}", {"n": "x"}, {}, "https://xn--bcher-kva.example/x"),
        ("https://a.example/{n}", {"n": "{n}"}, {}, "https://a.example/%7Bn%7D"),
        ("https://a.example/{n}", {"n": "caf\udce9"}, {}, "https://a.example/caf%3F"),
    ],
)
def test_addresses_are_filled(
    template: str, arguments: dict[str, Any], rest: dict[str, Any], filled: str
) -> None:
    """Everything is encoded, nothing twice, and what the template says stays."""
    assert str(AddressTemplate.parse(template).fill(arguments, rest)) == filled


@pytest.mark.parametrize(
    "value",
    [
        *(
            "..",
            "../..",
            "../../admin",
            "a/../../b",
            "..\\..\\x",
            "%2e%2e",
            "..%2fadmin",
            "%2E%2E%5C",
        ),
        *("./../", " .. ", "a\r\nX-Evil: 1", "a\0b", None, [], {}, ["x"]),
    ],
)
def test_arguments_stay_in_their_segment(value: object) -> None:
    """What a server might take for another path is refused, decoded once or twice."""
    with pytest.raises(ArgumentError, match="n"):
        AddressTemplate.parse("https://a.example/c/{n}/x").fill({"n": value}, {})


def test_an_argument_cannot_complete_a_step_upwards() -> None:
    """It is the whole segment that counts."""
    with pytest.raises(ArgumentError):
        AddressTemplate.parse("https://a.example/c/.{n}").fill({"n": "."}, {})


@pytest.mark.parametrize("value", ["", ".", " ", "\t"])
def test_a_segment_is_never_empty(value: str) -> None:
    """/customers/ would be all of them."""
    with pytest.raises(ArgumentError):
        AddressTemplate.parse("https://a.example/c/{n}").fill({"n": value}, {})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, '"number" is a required property'),
        ({"number": 7}, 'number: 7 is not of type "string"'),
        ({"number": "7", "x": 1}, "'x' was unexpected"),
        ({"number": "7", "full": "yes"}, 'full: "yes" is not of type "boolean"'),
    ],
)
def test_arguments_are_checked(arguments: dict[str, Any], says: str) -> None:
    """The model is told which one is wrong and how."""
    with pytest.raises(ArgumentError) as caught:
        make_ready(GOOD).check(arguments)

    assert says in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_arguments_nested_without_end() -> None:
    """They are refused, not the process."""
    nested: Any = []
    for _ in range(2000):
        nested = [nested]

    with pytest.raises(ArgumentError, match="nested"):
        make_ready(GOOD).check({"number": nested})
