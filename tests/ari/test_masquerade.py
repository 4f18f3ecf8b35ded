"""What Asterisk itself says and does when another channel takes the place of a call's.

There are two kinds. Out of a bridge the new channel becomes the call: what the old one had is its,
and the old one is gone. In a bridge of ours it takes only the place there: it is a channel of its
own beside the old one, which stays in Stasis, without a bridge, until somebody lets it go.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from either_pbx import Client, connect
from masquerade import Telephone, telephone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.sandbox.asterisk import Asterisk


@dataclass(slots=True)
class Call:
    """A SIP caller in Stasis, and a telephone that could take the call."""

    client: Client
    caller: Telephone
    other: Telephone
    old: str

    async def replaced(self) -> dict[str, Any]:
        """Have the other telephone take the call; return the event that says so."""
        before = len(self.client.seen)
        await self.other.take_over(self.caller)
        start = await self.client.event("StasisStart", number=2)
        await self.client.listen()
        self.client.seen[:before] = []
        return start

    def said(self) -> list[tuple[str, str]]:
        """Return the events since then: their types, and whose they are."""
        names = {self.old: "old"}
        return [
            (event["type"], names.get(event["channel"]["id"], "new"))
            for event in self.client.seen
            if event["type"] != "ChannelVarset"
        ]

    async def variable(self, channel: str, name: str) -> object:
        """Return the answer's value, or its status."""
        answer = await self.client.send("GET", f"channels/{channel}/variable", variable=name)
        return answer.body["value"] if answer.status == 200 else answer.status


@pytest.fixture(params=["real", "real_16"])
def pbx(request: pytest.FixtureRequest) -> Asterisk:
    """Both Asterisks in turn."""
    return request.getfixturevalue(request.param)


@pytest_asyncio.fixture
async def call(pbx: Asterisk, app: str) -> AsyncGenerator[Call]:
    """A call in the application, a second telephone at hand."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(connect(pbx, app))
        caller = await stack.enter_async_context(telephone(pbx.sip_port))
        other = await stack.enter_async_context(telephone(pbx.sip_port))
        await caller.dial(app)
        old = (await client.event("StasisStart"))["channel"]["id"]
        made = await client.send("POST", f"channels/{old}/variable", variable="MADE", value="by us")
        assert made.status == 204
        yield Call(client, caller, other, old)
        for channel in (await client.send("GET", "channels")).body:
            await client.send("DELETE", f"channels/{channel['id']}")


async def test_becomes_the_call(call: Call) -> None:
    """Out of a bridge: a start without arguments, then the end of the old, which is gone."""
    start = await call.replaced()
    await call.caller.hung_up()
    new = start["channel"]

    assert start["replace_channel"]["id"] == call.old
    assert start["args"] == []
    assert new["dialplan"]["app_name"] == new["dialplan"]["app_data"] == ""
    assert new["caller"]["number"] == call.other.name
    assert call.said() == [
        ("StasisStart", "new"),
        ("StasisEnd", "old"),
        ("ChannelDialplan", "new"),
    ]
    for method, path in (("GET", ""), ("POST", "/ring"), ("POST", "/continue"), ("DELETE", "")):
        assert (await call.client.send(method, f"channels/{call.old}{path}")).status == 404


async def test_has_what_the_old_had(call: Call) -> None:
    """Out of a bridge: variables, arguments and the place in the dialplan are the new one's."""
    new = (await call.replaced())["channel"]["id"]
    dialplan = (await call.client.send("GET", f"channels/{new}")).body["dialplan"]

    assert dialplan["app_data"] == f"{call.client.app},one,WHO={call.caller.name}"
    assert await call.variable(new, "WHO") == call.caller.name
    assert await call.variable(new, "MADE") == "by us"
    assert (await call.client.send("POST", f"channels/{new}/continue")).status == 204
    await call.client.event("StasisEnd", number=2)
    assert call.client.of_type("StasisEnd")[-1]["channel"]["id"] == new


async def test_playback_goes_on(call: Call) -> None:
    """Out of a bridge: what plays goes on to the new channel, under the old one's name."""
    path = f"channels/{call.old}/play/play-{call.client.app}"
    assert (await call.client.send("POST", path, media="tone:ring")).status == 201
    await call.client.event("PlaybackStarted")
    new = (await call.replaced())["channel"]["id"]
    playback = (await call.client.send("GET", f"playbacks/play-{call.client.app}")).body

    assert playback["state"] == "playing"
    assert playback["target_uri"] == f"channel:{call.old}"
    await call.client.send("DELETE", f"channels/{new}")
    ended = await call.client.event("PlaybackFinished")
    assert ended["playback"]["target_uri"] == f"channel:{call.old}"


async def test_takes_the_place_in_a_bridge(call: Call) -> None:
    """In a bridge: the new one stands there with nothing; the old one stays in Stasis, alive."""
    bridge = f"bridges/{call.client.app}"
    await call.client.send("POST", bridge)
    await call.client.send("POST", f"{bridge}/addChannel", channel=call.old)
    await call.client.event("ChannelEnteredBridge")
    start = await call.replaced()
    new = start["channel"]["id"]

    assert start["replace_channel"]["id"] == call.old
    assert start["args"] == []
    assert start["channel"]["dialplan"]["app_data"] == call.client.app
    assert call.said() == [
        ("StasisStart", "new"),
        ("ChannelLeftBridge", "old"),
        ("ChannelEnteredBridge", "new"),
    ]
    assert (await call.client.send("GET", bridge)).body["channels"] == [new]
    assert await call.variable(new, "WHO") == await call.variable(new, "MADE") == 404
    assert await call.variable(call.old, "WHO") == call.caller.name
    assert (await call.client.send("POST", f"channels/{call.old}/continue")).status == 204
    ended = await call.client.event("StasisEnd")
    assert ended["channel"]["id"] == call.old
    await call.client.send("DELETE", bridge)
