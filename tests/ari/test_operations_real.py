"""What is done to calls, bridges and sounds, on real Asterisks, the newest and the oldest."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from ari_serving import connect_to, read_socket, server_of
from dialogari.ari import Conflict, InvalidState, NotFound, NotFoundKind, RequestFailed
from dialogari.ari.operations import (
    Applications,
    Bridges,
    Channels,
    Events,
    Playbacks,
    Recordings,
)
from dialogari.ari.request import Request
from either_pbx import LIMIT, RealPhone, connect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import either_pbx
    from dialogari.ari.request import Send
    from dialogari.sandbox.asterisk import Asterisk as Sandbox


@dataclass(frozen=True, slots=True)
class Visit:
    """A call in an application, and that application's events."""

    app: str
    channel_id: str
    bare: either_pbx.Client
    """Another client, which only hears."""


@pytest_asyncio.fixture
async def visit(pbx: Sandbox, app: str) -> AsyncGenerator[Visit]:
    """A call, in an application of its own."""
    phone = RealPhone(pbx)
    async with connect(pbx, app) as bare:
        await phone.call(app)
        start = await bare.event("StasisStart")
        yield Visit(app, start["channel"]["id"], bare)
        await phone.hang_up()


async def test_commands_to_a_channel(send: Send, visit: Visit) -> None:
    """A channel takes every command that needs nothing else."""
    channels, channel_id = Channels(send), visit.channel_id

    assert (await channels.get(channel_id)).state == "Up"
    await channels.answer(channel_id)
    await channels.set_channel_var(channel_id, "A", value='1,"é')
    await until_variable(channels, channel_id, '1,"é')
    await channels.set_channel_var(channel_id, "A")
    await until_variable(channels, channel_id, None)
    await channels.mute(channel_id, direction="in")
    await channels.unmute(channel_id, direction="in")
    await channels.hold(channel_id)
    await channels.unhold(channel_id)
    await channels.start_silence(channel_id)
    await channels.stop_silence(channel_id)
    await channels.send_dtmf(channel_id, dtmf="12#", between=50, duration=50)
    with pytest.raises(RequestFailed, match="403 Unsupported channel type"):
        await channels.rtpstatistics(channel_id)
    await channels.continue_in_dialplan(channel_id)
    await visit.bare.event("StasisEnd")


async def until_variable(channels: Channels, channel_id: str, expected: str | None) -> None:
    """Wait until A has a value: 16 sets it 200 ms late, and reads at once."""
    async with asyncio.timeout(LIMIT):
        while await variable(channels, channel_id) != expected:
            await asyncio.sleep(0.01)


async def variable(channels: Channels, channel_id: str) -> str | None:
    """Return the value of A, or None."""
    try:
        return (await channels.get_channel_var(channel_id, "A")).value
    except NotFound as error:
        if error.kind is not NotFoundKind.VARIABLE:
            raise
        return None


@pytest.mark.parametrize("pbx", ["real"], indirect=True)
async def test_several_variables(send: Send, visit: Visit) -> None:
    """Several variables are set and read at once; those that events are to carry are in them."""
    channels = Channels(send)

    await channels.set_channel_vars(
        visit.channel_id, {"A": "1", "B": {"value": "2", "report_events": True}}
    )
    found = await channels.get_channel_vars(visit.channel_id, ["A", "B", "CHANNEL(state)"])
    await Events(send).user_event("e", visit.app, source=f"channel:{visit.channel_id}")
    event = await visit.bare.event("ChannelUserevent")

    assert found.variables == {"A": "1", "B": "2", "CHANNEL(state)": "Up"}
    assert event["channel"]["channelvars"] == {"B": "2"}


async def test_playback(send: Send, visit: Visit) -> None:
    """What is played can be looked at, paused and ended; names with commas arrive whole."""
    playbacks, name = Playbacks(send), f"t{secrets.token_hex(4)}"

    queued = await Channels(send).play_with_id(visit.channel_id, name, ["tone:ring", "sound:a,b"])
    await visit.bare.event("PlaybackStarted")

    assert (queued.media_uri, queued.next_media_uri) == ("tone:ring", "sound:a,b")
    assert (await playbacks.get(name)).state == "playing"
    await playbacks.control(name, "pause")
    await playbacks.stop(name)
    await visit.bare.event("PlaybackFinished")


async def test_recording(send: Send, visit: Visit) -> None:
    """A recording is made, stored, copied, read as a file and deleted."""
    recordings, name = Recordings(send), f"t/{secrets.token_hex(4)}"

    await Channels(send).record(visit.channel_id, name, "wav", max_duration_seconds=9)
    await visit.bare.event("RecordingStarted")
    with pytest.raises(Conflict):
        await Channels(send).record(visit.channel_id, name, "wav")

    assert (await recordings.get_live(name)).state == "recording"
    await recordings.pause(name)
    await recordings.unpause(name)
    await recordings.stop(name)
    await visit.bare.event("RecordingFinished")
    assert (await recordings.get_stored(name)).format == "wav"
    assert (await recordings.copy_stored(name, f"{name}-2")).name == f"{name}-2"
    with pytest.raises(Conflict):
        await recordings.copy_stored(name, f"{name}-2")
    assert (await recordings.get_stored_file(f"{name}-2"))[:4] == b"RIFF"
    for one in (name, f"{name}-2"):
        await recordings.delete_stored(one)


async def test_bridge(send: Send, visit: Visit) -> None:
    """A bridge is made, takes a channel, plays, lets it go, and is removed."""
    bridges, name = Bridges(send), f"t{secrets.token_hex(4)}"

    made = await bridges.create_with_id(name, type="mixing,dtmf_events", name="a b")
    await bridges.add_channel(name, visit.channel_id, mute=True)
    await visit.bare.event("ChannelEnteredBridge")

    assert (made.id, made.name) == (name, "a b")
    assert (await bridges.get(name)).channels == [visit.channel_id]
    await bridges.clear_video_source(name)
    with pytest.raises(InvalidState):
        await bridges.stop_moh(name)
    playback = await bridges.play(name, "tone:ring")
    assert playback.target_uri == f"bridge:{name}"
    await bridges.remove_channel(name, [visit.channel_id])
    with pytest.raises(RequestFailed, match="422"):
        await bridges.remove_channel(name, [visit.channel_id])
    await bridges.destroy(name)


async def test_variables_of_a_bridge(real: Sandbox) -> None:
    """A bridge's variables are set and read, one or several."""
    name = f"t{secrets.token_hex(4)}"
    async with connect_to(real, "nobody") as client:
        bridges = client.session.bridges
        await bridges.create_with_id(name, variables={"A": "1", "B": {"value": "2"}})
        await bridges.set_bridge_var(name, "C", value="3")
        await bridges.set_bridge_vars(name, {"D": {"value": "4", "report_events": True}})
        found = await bridges.get_bridge_vars(name, ["A", "B", "C", "D"])
        one = await bridges.get_bridge_var(name, "A")
        await bridges.destroy(name)

    assert found.variables == {"A": "1", "B": "2", "C": "3", "D": "4"}
    assert one.value == "1"


async def test_subscriptions_and_events(send: Send, visit: Visit) -> None:
    """An application's subscriptions and filter are changed, and it gets an event of ours."""
    applications, sources = Applications(send), ["endpoint:PJSIP", "deviceState:Stasis:x"]

    subscribed = await applications.subscribe(visit.app, sources)
    filtered = await applications.filter(visit.app, filter={"disallowed": [{"type": "Dial"}]})
    cleared = await applications.filter(visit.app)
    unsubscribed = await applications.unsubscribe(visit.app, sources)
    await Events(send).user_event(
        "e", visit.app, source=[f"channel:{visit.channel_id}"], variables={"a": {"b": [1, None]}}
    )
    event = await visit.bare.event("ChannelUserevent")

    assert (subscribed.endpoint_ids, subscribed.device_names) == (["PJSIP"], ["Stasis:x"])
    assert (filtered.events_disallowed, cleared.events_disallowed) == ([{"type": "Dial"}], [])
    assert (unsubscribed.endpoint_ids, unsubscribed.device_names) == ([], [])
    assert event["userevent"]["a"] == {"b": [1, None]}
    assert event["channel"]["id"] == visit.channel_id


async def test_new_channels(send: Send, visit: Visit) -> None:
    """Channels are created, called, snooped on, moved and hung up under ids of our own."""
    channels, name = Channels(send), f"t{secrets.token_hex(4)}"

    created = await channels.create(
        "Local/s@line/n", visit.app, app_args="a,b", channel_id=name, variables={"V": "1"}
    )
    start = await visit.bare.event("StasisStart", number=2)
    await channels.dial(name, timeout=5)
    snooping = await channels.snoop_channel_with_id(
        visit.channel_id, f"{name}-s", visit.app, spy="in"
    )
    await visit.bare.event("StasisStart", number=3)

    assert (created.id, start["args"]) == (name, ["a", "b"])
    assert snooping.id == f"{name}-s"
    await channels.move(f"{name}-s", "nobody-has-it")
    failed = await visit.bare.event("ApplicationMoveFailed")
    assert failed["channel"]["id"] == snooping.id
    for one in (snooping.id, name):
        await channels.hangup(one)


@pytest.mark.parametrize("pbx", ["real"], indirect=True)
async def test_no_file_on_the_socket(pbx: Sandbox, visit: Visit, send: Send) -> None:
    """The events socket refuses a file, which is why it is asked for over HTTP."""
    name = f"t{secrets.token_hex(4)}"
    await Channels(send).record(visit.channel_id, name, "wav")
    await Recordings(send).stop(name)
    await visit.bare.event("RecordingFinished")
    async with read_socket(server_of(pbx), f"{visit.app}-2", []) as socket:
        request = Request("GET", f"recordings/stored/{name}/file")
        refused = await socket.send(request, 3.0)

    assert refused.status == 406
    assert (await Recordings(send).get_stored_file(name))[:4] == b"RIFF"
