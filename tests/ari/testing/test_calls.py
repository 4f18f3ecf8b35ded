"""A call on FakeAsterisk goes as on a real Asterisk: each check runs on both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from dialogari.ari.models import Channel
from either_pbx import call, in_the_dialplan

if TYPE_CHECKING:
    from either_pbx import Client, Phone

START = json.loads((Path(__file__).parents[1] / "data/stasisstart-sip-22.json").read_bytes())


async def test_call_enters(phone: Phone, client: Client) -> None:
    """A call that enters is told with its arguments, and shown by GET."""
    path = await call(phone, client)
    start = client.seen[-1]

    shown = await client.send("GET", path)
    listed = await client.send("GET", "channels")
    application = await client.send("GET", f"applications/{client.app}")

    assert set(start) == set(START)
    assert set(start["channel"]) == set(START["channel"])
    assert start["args"][0] == "one"
    assert start["args"][1].startswith("UNIQUEID=")
    channel = msgspec.convert(shown.body, Channel)
    assert channel.state == "Up"
    assert channel.dialplan.app_name == "Stasis"
    assert channel.dialplan.app_data == ",".join([client.app, *start["args"]])
    assert channel.id in {found.id for found in msgspec.convert(listed.body, list[Channel])}
    assert application.body["channel_ids"] == [channel.id]


async def test_variables(phone: Phone, client: Client) -> None:
    """Variables can be set and read back; what was never set, or unset, is not found."""
    path = f"{await call(phone, client)}/variable"

    given = await client.send("GET", path, variable="GIVEN")
    value = 'a, "b" ${c}\n😀'
    done = await client.send("POST", path, {"variable": "A", "value": value})
    read = await client.send("GET", path, variable="A")
    event = await client.event("ChannelVarset")
    unset = await client.send("POST", path, {"variable": "A", "value": 5})
    again = await client.send("GET", path, variable="A")
    erased = await client.event("ChannelVarset", number=2)

    assert given.body == {"value": "by the dialplan"}
    assert (done.status, done.body) == (204, None)
    assert read.body == {"value": value}
    assert (event["variable"], event["value"]) == ("A", value)
    assert unset.status == 204
    assert (again.status, again.reason) == (404, "Variable Not Found")
    assert again.message == "Provided variable was not found"
    assert (erased["variable"], erased["value"]) == ("A", "")


@pytest.mark.parametrize("body", [{"value": "x"}, {"variable": "", "value": "x"}])
async def test_nameless_variable(phone: Phone, client: Client, body: dict[str, str]) -> None:
    """A variable needs a name."""
    path = f"{await call(phone, client)}/variable"

    answers = [await client.send("POST", path, body), await client.send("GET", path)]

    assert [answer.status for answer in answers] == [400, 400]
    assert {answer.message for answer in answers} == {"Variable name is required"}


async def test_bulk_variables(phone: Phone, client: Client) -> None:
    """Several variables are set in one request, in its order, each with an event."""
    path = await call(phone, client)
    wanted = {"B": "1", "A": {"value": "2"}, "": "3"}

    done = await client.send("POST", f"{path}/variables", {"variables": wanted})
    await client.event("ChannelVarset", number=2)
    read = await client.send("GET", f"{path}/variable", variable="A")

    assert (done.status, done.body) == (204, None)
    assert [event["variable"] for event in client.of_type("ChannelVarset")] == ["B", "A"]
    assert read.body == {"value": "2"}


BULK_REFUSALS: list[tuple[object, str]] = [
    (None, "The 'variables' field is required"),
    ({"A": "1"}, "The 'variables' field must be a JSON object"),
    ({"variables": {"A": "1", "B": 2}}, "Each value in 'variables' must be a string or an object"),
    ({"variables": {"A": {"value": 2}}}, "Each object value in 'variables' must include string"),
]


@pytest.mark.parametrize(("body", "message"), BULK_REFUSALS)
async def test_bulk_refusals(phone: Phone, client: Client, body: object, message: str) -> None:
    """A bulk request that is not as it should be sets nothing."""
    path = await call(phone, client)

    answer = await client.send("POST", f"{path}/variables", body)
    read = await client.send("GET", f"{path}/variable", variable="A")

    assert answer.status == 400
    assert answer.message.startswith(message)
    assert read.status == 404


async def test_continue(phone: Phone, client: Client) -> None:
    """A call sent on is in the dialplan: still there, readable, and out of the app's hands."""
    path = await call(phone, client)

    done = await client.send("POST", f"{path}/continue")
    end = await client.event("StasisEnd")
    await in_the_dialplan(client, path)
    read = await client.send("GET", f"{path}/variable", variable="GIVEN")
    refused = [
        await client.send("POST", f"{path}/continue"),
        await client.send("POST", f"{path}/variable", {"variable": "A", "value": "1"}),
        await client.send("POST", f"{path}/variables", {"variables": {"A": "1"}}),
    ]
    application = await client.send("GET", f"applications/{client.app}")

    assert (done.status, done.body) == (204, None)
    assert end["channel"]["id"] in path
    assert read.body == {"value": "by the dialplan"}
    assert {(answer.status, answer.message) for answer in refused} == {
        (409, "Channel not in Stasis application")
    }
    assert application.body["channel_ids"] == []
    assert await client.listen() == ["StasisStart", "StasisEnd"]


@pytest.mark.parametrize("by_caller", [True, False])
async def test_hang_up(phone: Phone, client: Client, by_caller: bool) -> None:
    """A hang-up is told by two events, and the channel is gone then."""
    path = await call(phone, client)

    if by_caller:
        await phone.hang_up()
    else:
        assert (await client.send("DELETE", path)).status == 204
    await client.event("StasisEnd")
    await client.listen()
    gone = [
        await client.send("GET", path),
        await client.send("DELETE", path),
        await client.send("POST", f"{path}/continue"),
        await client.send("POST", f"{path}/variable", {"variable": "A", "value": "1"}),
    ]

    assert await client.listen() == ["StasisStart", "ChannelHangupRequest", "StasisEnd"]
    assert client.seen[1].get("soft") is (None if by_caller else True)
    assert {(answer.status, answer.message) for answer in gone} == {(404, "Channel not found")}
