"""What an application does to a channel goes on FakeAsterisk as on a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from either_pbx import call, in_the_dialplan

if TYPE_CHECKING:
    from either_pbx import Client, Phone

SWITCHES = ("ring", "hold", "moh", "silence", "mute?direction=both")
QUEUED = (
    *(("POST", name) for name in SWITCHES),
    *(("DELETE", name) for name in SWITCHES),
    ("POST", "answer"),
    ("POST", "progress"),
    ("POST", "dtmf?dtmf=1"),
    ("POST", "play?media=sound:x"),
    ("POST", "record?name=x&format=wav"),
    ("POST", "redirect?endpoint=Local/s@line"),
    ("POST", "move?app=x"),
    ("POST", "dial"),
)


async def test_answer(phone: Phone, client: Client) -> None:
    """A call that only rings can be answered, once."""
    path = await call(phone, client, extension="early")

    before = await client.send("GET", path)
    answers = [await client.send("POST", f"{path}/answer") for _ in range(2)]
    changed = await client.event("ChannelStateChange")

    assert before.body["state"] == "Ring"
    assert [answer.status for answer in answers] == [204, 204]
    assert changed["channel"]["state"] == "Up"
    assert await client.listen() == ["StasisStart", "ChannelStateChange"]


async def test_switches(phone: Phone, client: Client) -> None:
    """Ringing, hold, music, silence and muting are turned on and off without any event."""
    path = await call(phone, client)

    answers = [
        await client.send(method, f"{path}/{switch}")
        for switch in SWITCHES
        for method in ("POST", "DELETE")
    ]

    assert {(answer.status, answer.body) for answer in answers} == {(204, None)}
    assert await client.listen() == ["StasisStart"]


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        ("mute", 400, "Direction is required"),
        ("mute?direction=up", 400, "Invalid direction specified"),
        ("dtmf", 400, "DTMF is required"),
        ("redirect", 400, "Required parameter 'endpoint' not provided."),
        ("redirect?endpoint=x", 422, "Endpoint parameter 'x' does not contain tech/resource"),
        ("dial", 409, "Channel is not in the 'Down' state"),
        ("snoop?app=x", 400, "Direction must be specified for at least spy or whisper"),
        ("snoop?app=x&spy=up", 400, "Invalid direction specified for spy"),
        ("snoop?spy=in", 400, "Application name is required"),
    ],
)
async def test_refusals(
    phone: Phone, client: Client, command: str, status: int, message: str
) -> None:
    """What a command lacks is said in Asterisk's words."""
    path = await call(phone, client)

    answer = await client.send("POST", f"{path}/{command}")

    assert (answer.status, answer.message) == (status, message)


async def test_not_controlled(phone: Phone, client: Client) -> None:
    """No command works on a channel in the dialplan, and none on one that is not there."""
    path = await call(phone, client)
    await client.send("POST", f"{path}/continue")
    await in_the_dialplan(client, path)

    refused = [await client.send(method, f"{path}/{name}") for method, name in QUEUED]
    unknown = [await client.send(method, f"channels/none/{name}") for method, name in QUEUED]

    assert {(answer.status, answer.message) for answer in refused} == {
        (409, "Channel not in Stasis application")
    }
    assert {(answer.status, answer.message) for answer in unknown} == {(404, "Channel not found")}


async def test_keys(phone: Phone, client: Client) -> None:
    """Each key that a caller presses is an event."""
    path = await call(phone, client)

    await phone.press("12#")
    await client.event("ChannelDtmfReceived", number=3)

    digits = client.of_type("ChannelDtmfReceived")
    assert [event["digit"] for event in digits] == ["1", "2", "#"]
    assert {f"channels/{event['channel']['id']}" for event in digits} == {path}
    assert set(digits[0]) == {
        *("type", "timestamp", "digit", "duration_ms", "channel", "asterisk_id", "application")
    }


@pytest.mark.parametrize(
    ("query", "status"),
    [("reason=busy", 204), ("reason_code=21", 204), ("reason=nonsense", 400)],
)
async def test_hang_up_with_a_reason(phone: Phone, client: Client, query: str, status: int) -> None:
    """A hang-up may have a reason, which is not in its event."""
    path = await call(phone, client)

    answer = await client.send("DELETE", f"{path}?{query}")
    seen = await client.listen()

    assert answer.status == status
    if status == 400:
        assert (answer.reason, answer.message) == (
            "Invalid Reason",
            "Invalid reason for hangup reason provided",
        )
        assert seen == ["StasisStart"]
    else:
        assert seen == ["StasisStart", "ChannelHangupRequest", "StasisEnd"]
        assert (client.seen[1]["cause"], client.seen[1]["soft"]) == (32, True)


async def test_array(phone: Phone, client: Client) -> None:
    """ARRAY() sets several variables at once, with an event for each."""
    path = f"{await call(phone, client)}/variable"

    value = '1\\,x,"y,z"'
    done = await client.send("POST", path, {"variable": "ARRAY(A,B)", "value": value})
    await client.event("ChannelVarset", number=2)
    unreadable = await client.send("GET", path, variable="ARRAY(A)")
    several = await client.send("GET", f"{path}s", variables="A,B")
    missing = await client.send("GET", f"{path}s", variables="A,NO")
    none = await client.send("GET", f"{path}s")

    assert done.status == 204
    told = [(event["variable"], event["value"]) for event in client.of_type("ChannelVarset")]
    assert told == [("A", "1,x"), ("B", "y,z")]
    assert (unreadable.status, unreadable.reason) == (500, "Error With Function")
    assert several.body == {"variables": {"A": "1,x", "B": "y,z"}}
    assert (missing.status, missing.reason) == (404, "Variable Not Found")
    assert (none.status, none.message) == (400, "At least one variable name is required")


async def test_snoop(phone: Phone, client: Client) -> None:
    """A snooping channel is a channel of its own in the application."""
    path = await call(phone, client)
    url = f"{path}/snoop/{client.app}-ear?app={client.app}&spy=in&appArgs=z"

    made = await client.send("POST", url)
    start = await client.event("StasisStart", number=2)
    again = await client.send("POST", url)
    await client.send("DELETE", f"channels/{client.app}-ear")
    await client.event("StasisEnd")

    assert made.status == 200
    assert made.body["dialplan"]["app_name"] in ("", "Stasis")  # it may have entered already
    assert start["channel"]["id"] == made.body["id"] == f"{client.app}-ear"
    assert start["args"] == ["z"]
    assert start["channel"]["name"].startswith("Snoop/")
    assert (again.status, again.reason) == (500, "Internal error")
    assert again.message == "Snoop channel could not be created"
