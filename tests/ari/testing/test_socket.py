"""FakeAsterisk takes commands on the events socket as a real one: each check runs on both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from either_pbx import call

if TYPE_CHECKING:
    from either_pbx import Client, Phone


REQUESTS: list[tuple[dict[str, Any], int, str]] = [
    ({"method": "GET", "uri": "asterisk/ping"}, 200, "OK"),
    ({"method": "GET", "uri": "/asterisk/ping"}, 405, "Method Not Allowed"),
    ({"method": "GET", "uri": "ari/asterisk/ping"}, 404, "Not Found"),
    ({"method": "GET", "uri": "channels/none"}, 404, "Not Found"),
    ({"method": "GET", "uri": "channels/a%2Fb/variable?variable=x"}, 404, "Channel Not Found"),
    ({"method": "DELETE", "uri": "asterisk/ping"}, 405, "Method Not Allowed"),
    ({"method": "PATCH", "uri": "asterisk/ping"}, 400, "Bad request"),
    ({"method": "GET"}, 400, "Bad request"),
    ({"uri": "asterisk/ping"}, 400, "Bad request"),
    ({"type": "Foo"}, 400, "Bad request"),
    ({"method": "POST", "uri": "events/user/x", "message_body": "{}"}, 400, "Bad request"),
    (
        {
            "method": "POST",
            "uri": "events/user/x",
            "content_type": "application/json",
            "message_body": "{nope",
        },
        400,
        "Bad request",
    ),
    (
        {
            "method": "GET",
            "uri": "asterisk/info",
            "query_strings": [{"name": "only", "value": "system"}],
        },
        200,
        "OK",
    ),
]


@pytest.mark.parametrize(("fields", "status", "reason"), REQUESTS)
async def test_commands_over_the_socket(
    client: Client, fields: dict[str, Any], status: int, reason: str
) -> None:
    """Commands go over the socket too, and what is none is told so in Asterisk's words."""
    answer = await client.command(transaction_id="t", request_id="r", **fields)

    assert answer is not None
    assert (answer.status, answer.reason) == (status, reason)
    response = client.seen[-1]
    assert response["application"] == client.app
    assert response["request_id"] == "r"
    assert response["transaction_id"] == "t"
    assert response["uri"] == fields.get("uri", "").partition("?")[0]
    assert ("message_body" in response) == ("content_type" in response)


@pytest.mark.parametrize("text", ["nope", "5", "[]", "{}"])
async def test_text_that_is_no_command(client: Client, text: str) -> None:
    """What is no request at all is answered without an id."""
    answer = await client.say(text)

    assert answer is not None
    assert answer.status == 400
    assert client.seen[-1]["request_id"] == ""


async def test_whole_turn_over_the_socket(phone: Phone, client: Client) -> None:
    """Variables and continue work over the socket; requests are answered in their order."""
    path = await call(phone, client)
    body = json.dumps({"variables": {"A": "1"}})
    request = {"type": "RESTRequest", "method": "POST", "content_type": "application/json"}
    bulk = {**request, "request_id": "1", "uri": f"{path}/variables", "message_body": body}

    await client.socket.send_str(json.dumps(bulk))
    await client.socket.send_str(
        json.dumps({**request, "request_id": "2", "uri": f"{path}/continue"})
    )
    answers = [await client.event("RESTResponse", number=number) for number in (1, 2)]
    await client.event("StasisEnd")

    assert [answer["request_id"] for answer in answers] == ["1", "2"]
    assert [answer["status_code"] for answer in answers] == [204, 204]
    assert "message_body" not in answers[0]


async def test_too_long_message_closes(client: Client) -> None:
    """A message of more than 65,535 bytes ends the socket with code 1009."""
    await client.socket.send_str("x" * 65_536)

    assert await client.closed() == 1009
