"""Bridges of FakeAsterisk are as those of a real one: each check runs on both."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from dialogari.ari.models import Bridge
from either_pbx import LIMIT, call, in_the_dialplan

if TYPE_CHECKING:
    from either_pbx import Answer, Client, Phone


async def make(client: Client, name: str = "", **query: str) -> str:
    """Make a bridge; return its path."""
    made = await client.send("POST", f"bridges/{name}{client.app}", **query)
    assert made.status == 200
    return f"bridges/{name}{client.app}"


def told(client: Client) -> list[str]:
    """Return the types of the events that have come, without the variables' and StasisStart."""
    left_out = ("ChannelVarset", "StasisStart", "RESTResponse")
    return [event["type"] for event in client.seen if event["type"] not in left_out]


async def test_bridge(client: Client) -> None:
    """A bridge is made, listed and destroyed; without a subscription none of it is told."""
    made = await client.send("POST", f"bridges/{client.app}", {"type": "holding", "name": "n"})
    shown = await client.send("GET", f"bridges/{client.app}")
    listed = await client.send("GET", "bridges")
    again = await client.send("POST", f"bridges/{client.app}")
    unnamed = await client.send("POST", "bridges", {"bridgeId": client.app})
    strange = await client.send("POST", "bridges", {"type": "nonsense"})
    done = await client.send("DELETE", f"bridges/{client.app}")
    async with asyncio.timeout(LIMIT):  # a real one takes a moment
        while (missing := await client.send("GET", f"bridges/{client.app}")).status == 200:
            await asyncio.sleep(0.01)
    gone = await client.send("DELETE", f"bridges/{client.app}")

    bridge = msgspec.convert(made.body, Bridge)
    assert (bridge.id, bridge.name, bridge.bridge_type) == (client.app, "n", "holding")
    assert (bridge.technology, bridge.channels) == ("holding_bridge", [])
    assert shown.body == made.body
    assert made.body in listed.body
    assert (again.status, again.message) == (409, f"Bridge with id '{client.app}' already exists")
    words = "Unable to create bridge. Possible duplicate bridge id '{}'"
    assert (unnamed.status, unnamed.message) == (500, words.format(client.app))
    assert (strange.status, strange.message) == (500, words.format("(null)"))
    assert [done.status, gone.status] == [204, 404]
    assert (gone.reason, missing.reason) == ("Not found", "Not Found")
    assert await client.listen() == []


async def test_channels_come_and_go(phone: Phone, client: Client) -> None:
    """Channels enter in their order and leave; both is told, with who is there then."""
    bridge = await make(client)
    paths = [await call(phone, client) for _ in range(2)]
    names = [path.removeprefix("channels/") for path in paths]

    added = await client.send("POST", f"{bridge}/addChannel", channel=",".join(names))
    await client.event("ChannelEnteredBridge", number=2)
    known = await client.send("GET", f"applications/{client.app}")
    removed = await client.send("POST", f"{bridge}/removeChannel", {"channel": names[:1]})
    again = await client.send("POST", f"{bridge}/removeChannel", {"channel": names[0]})
    await client.send("POST", f"{paths[1]}/continue")
    await client.event("StasisEnd")

    assert [added.status, removed.status] == [204, 204]
    assert (again.status, again.message) == (422, "Channel not in this bridge")
    assert known.body["bridge_ids"] == [client.app]
    # Who is in a bridge is listed in no order.
    present = [set(event["bridge"]["channels"]) for event in client.seen if "bridge" in event]
    assert present == [{names[0]}, set(names), {names[1]}, set()]
    assert told(client) == [
        *("ChannelEnteredBridge", "ChannelEnteredBridge"),
        *("ChannelLeftBridge", "ChannelLeftBridge", "StasisEnd"),
    ]


async def test_hang_up_in_a_bridge(phone: Phone, client: Client) -> None:
    """Who hangs up leaves the bridge before Stasis; the bridge, and hearing of it, stay."""
    bridge = await make(client)
    name = (await call(phone, client)).removeprefix("channels/")
    await client.send("POST", f"{bridge}/addChannel", {"channel": name})

    await phone.hang_up()
    await client.event("StasisEnd")
    shown = await client.send("GET", bridge)
    known = await client.send("GET", f"applications/{client.app}")

    assert known.body["bridge_ids"] == [client.app]
    assert told(client) == [
        *("ChannelEnteredBridge", "ChannelHangupRequest", "ChannelLeftBridge", "StasisEnd")
    ]
    assert shown.body["channels"] == []


async def test_into_another_bridge(phone: Phone, client: Client) -> None:
    """A channel is in one bridge at most."""
    first, second = await make(client, "a"), await make(client, "b")
    name = (await call(phone, client)).removeprefix("channels/")

    for bridge in (first, second, second):
        await client.send("POST", f"{bridge}/addChannel", {"channel": name})
    await client.event("ChannelEnteredBridge", number=3)
    shown = [(await client.send("GET", bridge)).body["channels"] for bridge in (first, second)]

    assert shown == [[], [name]]
    assert told(client) == [
        "ChannelEnteredBridge",
        *("ChannelLeftBridge", "ChannelEnteredBridge"),
        *("ChannelLeftBridge", "ChannelEnteredBridge"),
    ]


async def test_destroyed_bridge(phone: Phone, client: Client) -> None:
    """Who subscribed to a bridge hears its end too; its channels stay in Stasis."""
    bridge = await make(client)
    source = f"bridge:{client.app}"
    url = f"applications/{client.app}/subscription"
    known = await client.send("POST", url, eventSource=source)
    path = await call(phone, client)
    await client.send("POST", f"{bridge}/addChannel", channel=path.removeprefix("channels/"))

    await client.send("DELETE", bridge)
    await client.event("BridgeDestroyed")
    async with asyncio.timeout(LIMIT):  # a real one takes a moment to forget it
        while (await client.send("GET", f"applications/{client.app}")).body["bridge_ids"]:
            await asyncio.sleep(0.01)
    answered = await client.send("POST", f"{path}/answer")

    assert known.body["bridge_ids"] == [client.app]
    assert answered.status == 204
    assert told(client) == ["ChannelEnteredBridge", "ChannelLeftBridge", "BridgeDestroyed"]


REFUSALS: list[tuple[str, dict[str, Any], int, str]] = [
    ("addChannel", {}, 400, "Missing parameter channel"),
    ("addChannel", {"channel": "none"}, 400, "Channel not found"),
    ("addChannel", {"channel": "{left}"}, 422, "Channel not in Stasis application"),
    ("removeChannel", {}, 400, "Missing parameter channel"),
    ("removeChannel", {"channel": "none"}, 400, "Channel not found"),
    ("removeChannel", {"channel": "{left}"}, 422, "Channel not in Stasis application"),
]


@pytest.mark.parametrize(("command", "body", "status", "message"), REFUSALS)
async def test_refusals(
    phone: Phone, client: Client, command: str, body: dict[str, Any], status: int, message: str
) -> None:
    """Only channels in Stasis get into a bridge."""
    bridge = await make(client)
    path = await call(phone, client)
    await client.send("POST", f"{path}/continue")
    await in_the_dialplan(client, path)
    given = {name: text.format(left=path.removeprefix("channels/")) for name, text in body.items()}

    answer = await client.send("POST", f"{bridge}/{command}", given)
    unknown = await client.send("POST", f"bridges/none/{command}", given)

    assert (answer.status, answer.message) == (status, message)
    assert (unknown.status, unknown.message) == (404, "Bridge not found")


async def test_media(phone: Phone, client: Client) -> None:
    """A bridge can be played to and recorded; who is in it hears of it."""
    bridge = await make(client)
    path = await call(phone, client)
    await client.send("POST", f"{bridge}/addChannel", channel=path.removeprefix("channels/"))
    url = f"applications/{client.app}/subscription"
    await client.send("POST", url, eventSource=f"bridge:{client.app}")

    played = await client.send("POST", f"{bridge}/play/{client.app}", media="sound:silence/1")
    await client.event("PlaybackFinished")
    body = {"name": client.app, "format": "wav"}
    recorded = await client.send("POST", f"{bridge}/record", body)
    await client.event("RecordingStarted")
    stopped = await client.send("POST", f"recordings/live/{client.app}/stop")
    finished = await client.event("RecordingFinished")

    assert played.body["target_uri"] == f"bridge:{client.app}"
    assert [played.status, recorded.status, stopped.status] == [201, 201, 204]
    assert finished["recording"]["target_uri"] == f"bridge:{client.app}"
    assert [kind for kind in told(client) if kind != "ChannelEnteredBridge"] == [
        *("PlaybackStarted", "PlaybackFinished"),
        *("RecordingStarted", "RecordingFinished"),
    ]


async def test_music(client: Client) -> None:
    """Music can be stopped once it has been started."""
    bridge = await make(client)

    answers: list[Answer] = [
        await client.send(method, f"{bridge}/moh") for method in ("DELETE", "POST", "DELETE")
    ]

    assert [answer.status for answer in answers] == [409, 204, 204]
    assert answers[0].message == "Bridge isn't playing music"


async def test_recording_of_a_channel_in_a_bridge(phone: Phone, client: Client) -> None:
    """A channel can't be recorded while it is in a bridge: the recording is begun and fails."""
    bridge = await make(client)
    path = await call(phone, client)
    await client.send("POST", f"{bridge}/addChannel", channel=path.removeprefix("channels/"))

    begun = await client.send("POST", f"{path}/record", {"name": client.app, "format": "wav"})
    failed = await client.event("RecordingFailed")

    assert begun.status == 201
    assert failed["recording"]["cause"] == "Cannot record channel while in bridge"
    assert told(client) == ["ChannelEnteredBridge", "RecordingFailed"]
