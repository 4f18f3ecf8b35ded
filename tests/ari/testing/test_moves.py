"""How calls change hands on FakeAsterisk, as on a real one: each check runs on both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogari.ari.testing import FakeAsterisk
from either_pbx import FakePhone, call, connect, in_the_dialplan

if TYPE_CHECKING:
    from either_pbx import Client, Phone


async def test_move(phone: Phone, client: Client) -> None:
    """A moved call enters the new application, and is shown as if in the old one's Stasis()."""
    path = await call(phone, client)
    async with connect(phone.server, f"other-{client.app}") as other:
        moved = await client.send("POST", f"{path}/move", {"app": other.app, "appArgs": "1,2"})
        start = await other.event("StasisStart")
        await client.event("StasisEnd")
        shown = await client.send("GET", path)
        known = [
            (await client.send("GET", f"applications/{name}")).body["channel_ids"]
            for name in (client.app, other.app)
        ]
        await client.send("POST", f"{path}/variable", {"variable": "A", "value": "1"})
        await other.event("ChannelVarset")

    assert moved.status == 204
    assert start["args"] == ["1", "2"]
    assert shown.body["dialplan"]["app_data"].startswith(f"{client.app},")
    assert known == [[], [path.removeprefix("channels/")]]
    assert await client.listen() == ["StasisStart", "StasisEnd"]


async def test_move_on_one_socket(phone: Phone) -> None:
    """The new application's StasisStart comes before the old one's StasisEnd."""
    async with connect(phone.server, "first,second") as both:
        await phone.call("first")
        start = await both.event("StasisStart")
        await both.send("POST", f"channels/{start['channel']['id']}/move", {"app": "second"})
        await both.event("StasisEnd")
        await both.event("StasisStart", number=2)

    # On a real one the two come from two threads: their order is not certain.
    told = [(event["type"], event["application"]) for event in both.seen]
    assert sorted(told) == sorted(
        [("StasisStart", "first"), ("StasisStart", "second"), ("StasisEnd", "first")]
    )
    if isinstance(phone, FakePhone):
        assert told[1] == ("StasisStart", "second")


async def test_move_to_nobody(phone: Phone, client: Client) -> None:
    """A call that can't be moved stays, and that is told."""
    path = await call(phone, client)

    answer = await client.send("POST", f"{path}/move", {"app": "nobody", "appArgs": "a"})
    failed = await client.event("ApplicationMoveFailed")
    still = await client.send("POST", f"{path}/answer")

    assert [answer.status, still.status] == [204, 204]
    assert (failed["destination"], failed["args"]) == ("nobody", ["a"])
    assert await client.listen() == ["StasisStart", "ApplicationMoveFailed"]


async def test_time_limit_of_the_dialplan(phone: Phone, client: Client) -> None:
    """A call may leave Stasis by itself, with what plays cut short and no word of a hang-up."""
    path = await call(phone, client, extension="limited")
    await client.send("POST", f"{path}/play", {"media": "sound:silence/5"})
    await client.event("PlaybackStarted")

    await phone.run_out()
    finished = await client.event("PlaybackFinished")
    await client.event("StasisEnd")
    await in_the_dialplan(client, path)

    assert finished["playback"]["state"] == "failed"
    assert await client.listen() == [
        *("StasisStart", "PlaybackStarted", "PlaybackFinished", "StasisEnd")
    ]


async def test_on_in_the_dialplan(phone: Phone, client: Client) -> None:
    """A call may be sent to another place of the dialplan."""
    path = await call(phone, client)
    target = {"context": "line", "extension": "s", "priority": 1}

    await client.send("POST", f"{path}/continue", target)
    await client.event("StasisEnd")
    await in_the_dialplan(client, path)
    dialplan = (await client.send("GET", path)).body["dialplan"]

    assert (dialplan["context"], dialplan["exten"]) == ("line", "s")


def said(client: Client, old: str) -> list[tuple[str, str]]:
    """Return the events after the first: their types, and which channel's they are."""
    return [
        (event["type"], "old" if event["channel"]["id"] == old else "new")
        for event in client.seen[1:]
        if "channel" in event and event["type"] not in ("ChannelVarset", "ChannelDestroyed")
    ]


async def test_replaced_out_of_a_bridge(fake: FakeAsterisk) -> None:
    """Another channel can become the call, as tests/ari/test_masquerade.py shows of a real one."""
    async with connect(fake, "app") as client:
        call = await fake.enter_stasis("app", ["one"], {"WHO": "me"})
        old = call.id
        await client.send("POST", f"channels/{old}/play/p", {"media": "tone:ring"})
        await client.event("PlaybackStarted")
        new = await call.replace_with()
        dialplan = new.channel.dialplan
        end = await client.event("StasisEnd")
        gone = await client.send("POST", f"channels/{old}/ring")
        who = await client.send("GET", f"channels/{new.id}/variable", variable="WHO")
        playing = await client.send("GET", "playbacks/p")
        await client.send("DELETE", f"channels/{new.id}")
        await client.event("PlaybackFinished")
        await client.event("StasisEnd", number=2)

    start = client.of_type("StasisStart")[1]
    assert start["replace_channel"]["id"] == end["channel"]["id"] == call.id == old
    assert start["channel"]["id"] == new.id
    assert start["args"] == []
    assert start["channel"]["dialplan"]["app_name"] == ""
    assert dialplan.app_data == "app,one"
    assert said(client, old)[:3] == [
        *(("StasisStart", "new"), ("StasisEnd", "old"), ("ChannelDialplan", "new"))
    ]
    assert call.hung_up
    assert not call.in_stasis
    assert gone.status == 404
    assert who.body == {"value": "me"}
    assert playing.body["target_uri"] == f"channel:{old}"


async def test_replaced_in_a_bridge(fake: FakeAsterisk) -> None:
    """In a bridge another channel only takes the place there; the old one stays in Stasis."""
    async with connect(fake, "app") as client:
        old = await fake.enter_stasis("app", ["one"])
        await client.send("POST", "bridges/b")
        await client.send("POST", "bridges/b/addChannel", {"channel": old.id})
        new = await old.replace_with()
        await client.event("ChannelEnteredBridge", number=2)
        bridge = await client.send("GET", "bridges/b")
        answers = [await client.send("POST", f"channels/{call.id}/ring") for call in (old, new)]

    start = client.of_type("StasisStart")[1]
    assert start["replace_channel"]["id"] == old.id
    assert start["args"] == []
    assert start["channel"]["dialplan"]["app_data"] == "app"
    assert said(client, old.id) == [
        ("ChannelEnteredBridge", "old"),
        *(("StasisStart", "new"), ("ChannelLeftBridge", "old"), ("ChannelEnteredBridge", "new")),
    ]
    assert bridge.body["channels"] == [new.id]
    assert [answer.status for answer in answers] == [204, 204]
