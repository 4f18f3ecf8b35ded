"""Originated calls go on FakeAsterisk as on a real one: each check runs on both."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from dialogari.ari.models import Channel
from dialogari.ari.testing import Callee, FakeAsterisk
from either_pbx import LIMIT, FakePhone, bare_session, connect, send

if TYPE_CHECKING:
    from either_pbx import Answer, Client, Phone


async def originate(client: Client, extension: str, **body: Any) -> Answer:
    """Call an extension of `line` into the client's application, under the client's own id."""
    given = {"endpoint": f"Local/{extension}@line/n", "app": client.app, **body}
    return await client.send("POST", f"channels/{client.app}", given)


async def gone(client: Client) -> dict[str, Any]:
    """Wait for the end of the originated channel."""
    async with asyncio.timeout(LIMIT):
        number = 1
        while (await client.event("ChannelDestroyed", number=number))["channel"]["id"] != (
            client.app
        ):
            number += 1
    return client.of_type("ChannelDestroyed")[number - 1]


async def test_answered(client: Client) -> None:
    """An answered call enters the application, with its arguments, variables and caller."""
    body = {"appArgs": "x,y", "callerId": "Bob <123>", "variables": {"V": "1"}}
    made = await originate(client, "up", **body)
    start = await client.event("StasisStart")
    path = f"channels/{client.app}"
    shown = await client.send("GET", path)
    value = await client.send("GET", f"{path}/variable", variable="V")
    known = await client.send("GET", f"applications/{client.app}")
    await client.send("DELETE", path)
    end = await gone(client)

    assert made.status == 200
    channel = msgspec.convert(made.body, Channel)
    assert (channel.id, channel.state) == (client.app, "Down")
    assert (channel.caller.name, channel.caller.number) == ("Bob", "123")
    assert channel.connected == channel.caller
    assert channel.dialplan.app_name == "AppDial2"
    assert start["args"] == ["x", "y"]
    assert shown.body["dialplan"]["app_data"] == f"{client.app},x,y"
    assert value.body == {"value": "1"}
    assert client.app in known.body["channel_ids"]
    assert (end["cause"], end["cause_txt"]) == (16, "Normal Clearing")
    assert client.about(client.app) == [
        *("Dial", "ChannelStateChange", "Dial", "StasisStart"),
        *("ChannelHangupRequest", "StasisEnd", "ChannelDestroyed"),
    ]
    dials = [event["dialstatus"] for event in client.of_type("Dial")]
    assert dials == ["", "ANSWER"]


async def test_unanswered(client: Client) -> None:
    """A call that is not answered in time never enters; only its end is told."""
    await originate(client, "ring", timeout=1)
    early = await client.send("POST", f"channels/{client.app}/play?media=sound:x")
    end = await gone(client)

    assert (early.status, early.message) == (409, "Channel not in Stasis application")
    assert (end["cause"], end["cause_txt"]) == (19, "User alerting, no answer")
    assert client.about(client.app) == ["Dial", "ChannelStateChange", "Dial", "ChannelDestroyed"]


@pytest.mark.parametrize(
    ("extension", "status", "hangup_told"), [("busy", "BUSY", False), ("reject", "NOANSWER", True)]
)
async def test_refused(client: Client, extension: str, status: str, hangup_told: bool) -> None:
    """Whoever is called may be busy or refuse."""
    await originate(client, extension)
    await gone(client)

    request = ["ChannelHangupRequest"] if hangup_told else []
    assert client.about(client.app) == ["Dial", *request, "Dial", "ChannelDestroyed"]
    assert client.of_type("Dial")[-1]["dialstatus"] == status


async def test_given_up(client: Client) -> None:
    """A call can be given up while it rings."""
    await originate(client, "ring")
    await client.event("Dial", number=2)
    await client.send("DELETE", f"channels/{client.app}")
    await gone(client)

    assert client.about(client.app)[3:] == ["ChannelHangupRequest", "Dial", "ChannelDestroyed"]
    assert client.of_type("Dial")[-1]["dialstatus"] == "NOANSWER"


async def test_unknown_application(phone: Phone) -> None:
    """A call for an application that nobody serves is made, and dies when it is answered."""
    async with bare_session(phone.server) as session:
        body = {"endpoint": "Local/up@line/n", "app": "nobody"}
        made = await send(session, f"{phone.server.url}/channels/for-nobody", "POST", body)
        url = f"{phone.server.url}/channels/for-nobody"
        async with asyncio.timeout(LIMIT):
            while (await send(session, url, "GET")).status != 404:
                await asyncio.sleep(0.01)

    assert made.status == 200


REFUSALS: list[tuple[dict[str, Any], int, str]] = [
    ({"app": "x"}, 400, "Endpoint must be specified"),
    ({"app": "x", "endpoint": ""}, 400, "Endpoint must be specified"),
    ({"app": "x", "endpoint": "nonsense"}, 400, "Invalid endpoint specified"),
    ({"endpoint": "Local/up@line/n"}, 400, "Application or extension must be specified"),
]


@pytest.mark.parametrize(("body", "status", "message"), REFUSALS)
async def test_refusals(client: Client, body: dict[str, Any], status: int, message: str) -> None:
    """What a call needs is said in Asterisk's words."""
    answer = await client.send("POST", "channels", body)

    assert (answer.status, answer.message) == (status, message)


async def test_false_duplicate(phone: Phone, client: Client) -> None:
    """After a duplicate id all failures on that connection are called duplicates."""
    first = await originate(client, "up")
    broken = {"endpoint": "Foo/bar", "app": client.app}
    async with bare_session(phone.server) as session:
        url = f"{phone.server.url}/channels"
        honest = await send(session, url, "POST", broken)
        duplicate = {"endpoint": "Local/up@line/n", "app": client.app, "channelId": client.app}
        real = await send(session, url, "POST", duplicate)
        # An id that a channel's id begins with counts as taken too.
        part = await send(session, url, "POST", {**duplicate, "channelId": client.app[:-1]})
        false = await send(session, url, "POST", broken)
    async with bare_session(phone.server) as session:
        fresh = await send(session, f"{phone.server.url}/channels", "POST", broken)

    assert first.status == 200
    assert {(answer.status, answer.message) for answer in (real, part, false)} == {
        (409, "Channel with given unique ID already exists")
    }
    assert [(answer.status, answer.body) for answer in (honest, fresh)] == [
        (500, {"error": "Allocation failed"})
    ] * 2


def check_life(client: Client) -> None:
    """Check what was told of a channel that was made, dialled and ended."""
    told = client.about(client.app)
    # What the called end does races with the telling of the dialling.
    assert sorted(told[1:4]) == ["ChannelStateChange", "Dial", "Dial"]
    assert told[:1] == ["StasisStart"]
    assert told[4:] == ["ChannelHangupRequest", "StasisEnd", "ChannelDestroyed"]


async def test_create_and_dial(client: Client) -> None:
    """A channel can be made first, in the application at once, and dialled later."""
    body = {"endpoint": "Local/up@line/n", "app": client.app, "appArgs": "q"}
    made = await client.send("POST", "channels/create", {**body, "channelId": client.app})
    start = await client.event("StasisStart")
    path = f"channels/{client.app}"
    shown = await client.send("GET", path)
    dialled = await client.send("POST", f"{path}/dial", {"timeout": 5})
    await client.event("Dial", number=2)
    again = await client.send("POST", f"{path}/dial")
    await client.send("DELETE", path)
    await gone(client)

    assert made.status == 200
    assert made.body["dialplan"]["app_name"] in ("", "Stasis")  # it may have entered already
    assert start["args"] == ["q"]
    assert (shown.body["state"], shown.body["dialplan"]["app_name"]) == ("Down", "Stasis")
    assert dialled.status == 204
    assert (again.status, again.message) == (409, "Channel is not in the 'Down' state")
    check_life(client)


async def test_created_but_unanswered(client: Client) -> None:
    """A channel that is dialled in vain leaves Stasis when the time is up."""
    body = {"endpoint": "Local/ring@line/n", "app": client.app, "channelId": client.app}
    await client.send("POST", "channels/create", body)
    await client.event("StasisStart")  # the answer may come before it
    await client.send("POST", f"channels/{client.app}/dial", {"timeout": 1})
    end = await gone(client)

    assert end["cause"] == 19
    check_life(client)


async def test_into_the_dialplan(phone: Phone, client: Client) -> None:
    """A call may go to an extension, where a Stasis() may stand; its maker hears only of that."""
    if isinstance(phone, FakePhone):
        phone.server.extensions["probe", "s"] = (client.app, ("one", "two"))
    target = {"context": "probe", "extension": "s", "priority": 1}
    body = {"endpoint": "Local/up@line/n", **target, "variables": {"APP": client.app}}

    made = await client.send("POST", f"channels/{client.app}", body)
    await client.event("StasisStart")

    assert made.status == 200
    assert client.about(client.app) == ["StasisStart"]


@pytest.mark.parametrize("answers", [True, False])
async def test_callee_of_the_test(fake: FakeAsterisk, answers: bool) -> None:
    """On FakeAsterisk a test can be the one who is called."""
    fake.callees["PJSIP/*"] = Callee(after=None)
    async with connect(fake, "app") as client:
        await client.send("POST", "channels/c1", {"endpoint": "PJSIP/alice", "app": "app"})
        callee = fake.call("c1")
        await callee.ring()
        ringing = callee.state
        if answers:
            await callee.answer()
            await client.event("StasisStart")
        else:
            await callee.reject(17)
            assert (await client.event("ChannelDestroyed"))["cause"] == 17

    assert ringing == "Ringing"
    assert callee.in_stasis == answers
    assert callee.hung_up != answers


async def test_callee_who_takes_time(fake: FakeAsterisk) -> None:
    """A callee may answer after a while, by himself."""
    fake.callees["PJSIP/*"] = Callee(after=0.1, rings=True)
    async with connect(fake, "app") as client:
        await client.send("POST", "channels/c1", {"endpoint": "PJSIP/alice", "app": "app"})
        early = fake.call("c1").in_stasis
        await client.event("StasisStart")

    assert not early
