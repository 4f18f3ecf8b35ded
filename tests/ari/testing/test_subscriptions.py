"""What an application hears of, on FakeAsterisk and on a real one: each check runs on both."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from either_pbx import LIMIT, bare_session, call, connect, send

if TYPE_CHECKING:
    from either_pbx import Client, Phone

EVERYTHING = {
    "channel_ids": ["__AST_CHANNEL_ALL_TOPIC"],
    "bridge_ids": ["__AST_BRIDGE_ALL_TOPIC"],
    "endpoint_ids": ["__AST_ENDPOINT_ALL_TOPIC"],
    "device_names": ["__AST_DEVICE_STATE_ALL_TOPIC"],
}


async def test_subscribed_to_a_channel(phone: Phone, client: Client) -> None:
    """Another application hears of a channel after it subscribed, to its very end."""
    path = await call(phone, client)
    name = path.removeprefix("channels/")
    async with connect(phone.server, f"other-{client.app}") as other:
        url = f"applications/{other.app}/subscription"
        known = await other.send("POST", url, eventSource=f"channel:{name}")
        await client.send("POST", f"{path}/variable", variable="A", value="1")
        await client.send("POST", f"{path}/play", media="sound:silence/1")
        await client.event("PlaybackFinished")
        await phone.hang_up()
        destroyed = await other.event("ChannelDestroyed")
        await client.listen()
        after = await other.send("GET", f"applications/{other.app}")

    assert known.body["channel_ids"] == [name]
    assert after.body["channel_ids"] == []
    assert destroyed["application"] == other.app
    assert [event["type"] for event in other.seen] == [
        *("ChannelVarset", "PlaybackStarted", "PlaybackFinished", "ChannelHangupRequest"),
        *("ChannelVarset", "ChannelHangupRequest", "ChannelDestroyed"),
    ]
    assert other.seen[4]["variable"] == "STASISSTATUS"
    # The application itself hears no more than that the channel left it.
    assert [event["type"] for event in client.seen][-2:] == ["ChannelHangupRequest", "StasisEnd"]


async def test_own_channel_after_stasis(phone: Phone, client: Client) -> None:
    """An application that subscribed hears of its channel in the dialplan too."""
    path = await call(phone, client)
    source = f"channel:{path.removeprefix('channels/')}"
    await client.send("POST", f"applications/{client.app}/subscription", eventSource=source)

    await client.send("POST", f"{path}/continue")
    await client.event("ChannelDialplan")
    await phone.hang_up()
    await client.event("ChannelDestroyed")

    types = [event["type"] for event in client.seen if event["type"] != "ChannelDialplan"]
    assert types == [
        *("StasisStart", "StasisEnd", "ChannelVarset"),
        *("ChannelHangupRequest", "ChannelHangupRequest", "ChannelDestroyed"),
    ]


async def test_subscriptions_are_counted(phone: Phone, client: Client) -> None:
    """Who subscribed twice must give up twice; being in Stasis counts as one."""
    path = await call(phone, client)
    source = f"channel:{path.removeprefix('channels/')}"
    url = f"applications/{client.app}/subscription"

    await client.send("POST", url, eventSource=source)
    answers = [await client.send("DELETE", url, eventSource=source) for _ in range(3)]
    await client.send("POST", f"{path}/variable", variable="A", value="1")
    await client.send("POST", f"{path}/continue")
    await client.event("StasisEnd")

    assert [answer.status for answer in answers] == [200, 200, 422]
    assert answers[2].message == "Event source was not subscribed to"
    assert await client.listen() == ["StasisStart", "StasisEnd"]


@pytest.mark.parametrize(
    ("source", "status", "message"),
    [
        ("channel:none", 422, "Event source does not exist"),
        ("bridge:none", 422, "Event source does not exist"),
        ("endpoint:PJSIP/none", 422, "Event source does not exist"),
        ("endpoint:Nope", 422, "Event source does not exist"),
        ("channel:none,deviceState:z", 422, "Event source does not exist"),
        ("nonsense:x", 400, "Invalid event source URI scheme"),
        ("nonsense", 400, "Invalid event source URI scheme"),
        ("", 400, "Missing parameter eventSource"),
    ],
)
async def test_unknown_sources(client: Client, source: str, status: int, message: str) -> None:
    """Only what there is can be subscribed to."""
    url = f"applications/{client.app}/subscription"

    answer = await client.send("POST", url, **({"eventSource": source} if source else {}))
    unknown = await client.send("POST", "applications/none/subscription", eventSource="channel:")

    assert (answer.status, answer.message) == (status, message)
    assert (unknown.status, unknown.message) == (404, "Application not found")


async def test_all_of_a_kind(client: Client) -> None:
    """All of a kind can be subscribed to, and only for devices be given up again."""
    url = f"applications/{client.app}/subscription"
    for kind in ("channel", "bridge", "endpoint", "deviceState"):
        known = await client.send("POST", url, eventSource=f"{kind}:")
    await client.send("POST", url, eventSource="deviceState:Stasis:x")
    given_up = [
        await client.send("DELETE", url, eventSource=f"{kind}:")
        for kind in ("channel", "bridge", "endpoint", "deviceState")
    ]

    assert {name: known.body[name] for name in EVERYTHING} == EVERYTHING
    assert [answer.status for answer in given_up] == [501, 501, 501, 200]
    assert given_up[0].message == "Method not implemented"
    assert given_up[3].body["device_names"] == []


async def test_everything(phone: Phone, client: Client) -> None:
    """With subscribeAll an application hears of everybody's channels and bridges."""
    async with connect(phone.server, f"all-{client.app}&subscribeAll=true") as all_of_it:
        name = all_of_it.app.partition("&")[0]
        known = await all_of_it.send("GET", f"applications/{name}")
        path = await call(phone, client)
        await client.send("POST", f"bridges/{client.app}")
        channel = path.removeprefix("channels/")
        await client.send("POST", f"bridges/{client.app}/addChannel", channel=channel)
        await client.send("DELETE", f"bridges/{client.app}")
        await all_of_it.event("BridgeDestroyed")

    assert {name: known.body[name] for name in EVERYTHING} == EVERYTHING
    types = [event["type"] for event in all_of_it.seen]
    assert "StasisStart" not in types
    assert [kind for kind in types if "Bridge" in kind] == [
        *("BridgeCreated", "ChannelEnteredBridge", "ChannelLeftBridge", "BridgeDestroyed")
    ]


async def test_everything_ignored(phone: Phone) -> None:
    """Asterisk ignores subscribeAll for an application that it still knows from before."""
    app = "lingering"
    async with connect(phone.server, app) as first:
        path = await call(phone, first)
    async with connect(phone.server, f"{app}&subscribeAll=true") as second:
        known = await second.send("GET", f"applications/{app}")
        await second.send("DELETE", path)
        await second.event("StasisEnd")

    assert known.body["channel_ids"] == [path.removeprefix("channels/")]
    assert known.body["bridge_ids"] == []


async def test_everything_is_not_kept(phone: Phone) -> None:
    """An application that hears of everything is forgotten with its socket, calls or not."""
    app = "all-of-it"
    async with connect(phone.server, f"{app}&subscribeAll=true") as first:
        await phone.call(app)
        start = await first.event("StasisStart")
    path = f"channels/{start['channel']['id']}"
    async with bare_session(phone.server) as session:
        url = f"{phone.server.url}/applications/{app}"
        async with asyncio.timeout(LIMIT):
            while (await send(session, url, "GET")).status != 404:
                await asyncio.sleep(0.01)
    async with connect(phone.server, app) as second:
        done = await second.send("POST", f"{path}/variable", variable="A", value="1")
        await second.send("POST", f"{path}/continue")
        await second.event("StasisEnd")

    assert done.status == 204
    assert [event["type"] for event in second.seen] == ["StasisEnd"]


async def test_devices(client: Client) -> None:
    """Device states of ARI's own devices can be set, and who subscribed hears of it."""
    device = f"Stasis:{client.app}"
    url = f"applications/{client.app}/subscription"
    known = await client.send("POST", url, eventSource=f"deviceState:{device}")
    done = await client.send("PUT", f"deviceStates/{device}", deviceState="INUSE")
    event = await client.event("DeviceStateChanged")
    shown = await client.send("GET", f"deviceStates/{device}")
    wrong = await client.send("PUT", f"deviceStates/{device}", deviceState="nope")
    foreign = await client.send("PUT", "deviceStates/foo", deviceState="INUSE")
    deleted = await client.send("DELETE", f"deviceStates/{device}")
    after = await client.send("GET", f"deviceStates/{device}")
    await client.send("DELETE", url, eventSource=f"deviceState:{device}")

    assert known.body["device_names"] == [device]
    assert (done.status, deleted.status) == (204, 204)
    assert shown.body == event["device_state"] == {"name": device, "state": "INUSE"}
    assert (wrong.status, wrong.message) == (500, "Unknown device")
    assert (foreign.status, foreign.message) == (409, "Uncontrolled device specified")
    assert after.body["state"] == "UNKNOWN"


async def test_endpoints_and_modules(phone: Phone) -> None:
    """Endpoints, modules and global variables can be asked for."""
    async with bare_session(phone.server) as session:
        answers = {
            path: await send(session, f"{phone.server.url}/{path}", "GET")
            for path in (
                *("endpoints", "endpoints/PJSIP", "endpoints/PJSIP/caller", "endpoints/Nope"),
                *("endpoints/PJSIP/none", "asterisk/modules/app_stasis.so"),
                *("asterisk/modules/nope.so", "asterisk/variable?variable=NO"),
            )
        }

    caller = answers["endpoints/PJSIP/caller"].body
    assert (caller["technology"], caller["resource"]) == ("PJSIP", "caller")
    assert caller in answers["endpoints"].body
    assert caller in answers["endpoints/PJSIP"].body
    assert answers["endpoints/Nope"].message == "No Endpoints found - invalid tech Nope"
    assert answers["endpoints/PJSIP/none"].message == "Endpoint not found"
    module = answers["asterisk/modules/app_stasis.so"].body
    assert module["description"] == "Stasis dialplan application"
    words = "Module could not be found in running modules"
    assert answers["asterisk/modules/nope.so"].message == words
    assert answers["asterisk/variable?variable=NO"].body == {"value": ""}
