"""Operations as real Asterisks, the newest and the oldest, execute and answer them."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from ari_serving import Operation, read_socket, server_of
from dialogari.ari import Client, Conflict, InvalidState, NotFound, NotFoundKind, RequestFailed
from dialogari.ari.models import ConfigTuple
from dialogari.ari.operations import (
    Applications,
    Asterisk,
    Bridges,
    Channels,
    DeviceStates,
    Endpoints,
    Events,
    Mailboxes,
    Playbacks,
    Recordings,
    Sounds,
)
from dialogari.ari.request import Request
from either_pbx import LIMIT, RealPhone, connect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import either_pbx
    from dialogari.ari.request import Send
    from dialogari.sandbox.asterisk import Asterisk as Sandbox

ABSENT: list[tuple[Operation, NotFoundKind]] = [
    (lambda s: Channels(s).play("x", "sound:x"), NotFoundKind.CHANNEL),
    (lambda s: Channels(s).dial("x"), NotFoundKind.CHANNEL),
    (lambda s: Applications(s).subscribe("x", "channel:x"), NotFoundKind.APPLICATION),
    (lambda s: Bridges(s).get("x"), NotFoundKind.BRIDGE),
    (lambda s: Bridges(s).destroy("x"), NotFoundKind.BRIDGE),
    (lambda s: Bridges(s).add_channel("x", ["x"]), NotFoundKind.BRIDGE),
    (lambda s: Bridges(s).play("x", "sound:x"), NotFoundKind.BRIDGE),
    (lambda s: Playbacks(s).get("x"), NotFoundKind.PLAYBACK),
    (lambda s: Playbacks(s).stop("x"), NotFoundKind.PLAYBACK),
    (lambda s: Playbacks(s).control("x", "pause"), NotFoundKind.PLAYBACK),
    (lambda s: Recordings(s).get_live("x"), NotFoundKind.RECORDING),
    (lambda s: Recordings(s).stop("x"), NotFoundKind.RECORDING),
    (lambda s: Recordings(s).unpause("x"), NotFoundKind.RECORDING),
    (lambda s: Recordings(s).get_stored("x"), NotFoundKind.RECORDING),
    (lambda s: Recordings(s).get_stored_file("x"), NotFoundKind.RECORDING),
    (lambda s: Recordings(s).copy_stored("x", "y"), NotFoundKind.RECORDING),
    (lambda s: Endpoints(s).list_by_tech("it's"), NotFoundKind.ENDPOINT),
    (lambda s: Endpoints(s).get("PJSIP", "x"), NotFoundKind.ENDPOINT),
    (
        lambda s: Endpoints(s).send_message_to_endpoint("PJSIP", "x", "sip:a", body="b"),
        NotFoundKind.ENDPOINT,
    ),
    (lambda s: Endpoints(s).send_message("pjsip:x", "sip:a", body="b"), NotFoundKind.ENDPOINT),
    (lambda s: Sounds(s).get("x"), NotFoundKind.SOUND),
    (lambda s: Sounds(s).list(lang="xx"), NotFoundKind.SOUND),
    (lambda s: Asterisk(s).get_module("x.so"), NotFoundKind.MODULE),
    (lambda s: Asterisk(s).unload_module("x.so"), NotFoundKind.MODULE),
    (lambda s: Asterisk(s).reload_module("x.so"), NotFoundKind.MODULE),
    (lambda s: Asterisk(s).delete_log("x"), NotFoundKind.LOG),
    (lambda s: Asterisk(s).get_object("res_pjsip", "aor", "it's"), NotFoundKind.OBJECT),
    (lambda s: Asterisk(s).get_object("res_pjsip", "x", "x"), NotFoundKind.OBJECT),
    (lambda s: Asterisk(s).get_object("x", "x", "x"), NotFoundKind.OBJECT),
    # Debian's Asterisks have no res_mwi_external.
    (lambda s: Mailboxes(s).list(), NotFoundKind.RESOURCE),
    (lambda s: Mailboxes(s).update("x", 1, 2), NotFoundKind.RESOURCE),
]
OFFER: Operation = lambda s: Events(s).claim_channel("x", "app")  # noqa: E731 - a row like those above


@pytest.fixture(params=["real", "real_16"])
def pbx(request: pytest.FixtureRequest) -> Sandbox:
    """Each real Asterisk."""
    return request.getfixturevalue(request.param)


@pytest_asyncio.fixture
async def send(pbx: Sandbox) -> AsyncGenerator[Send]:
    """A way to send commands to it, over HTTP."""
    async with Client(server_of(pbx), "nobody") as client:
        yield client.send


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


@pytest.mark.parametrize(("operation", "kind"), ABSENT)
async def test_what_is_not_there(send: Send, operation: Operation, kind: NotFoundKind) -> None:
    """What a real Asterisk says of anything that is not there tells what it is about."""
    with pytest.raises(NotFound) as caught:
        await operation(send)

    assert caught.value.kind is kind


async def test_no_call_on_offer(real: Sandbox, real_16: Sandbox) -> None:
    """A call that is not on offer is told from an Asterisk that offers none."""
    for pbx, kind in ((real, NotFoundKind.OFFER), (real_16, NotFoundKind.RESOURCE)):
        async with Client(server_of(pbx), "nobody") as client:
            with pytest.raises(NotFound) as caught:
                await OFFER(client.send)

        assert caught.value.kind is kind


async def test_reading_of_the_server(pbx: Sandbox, send: Send) -> None:
    """What the server says of itself is of the described types."""
    asterisk = Asterisk(send)

    info = await asterisk.get_info(only=["system", "status"])
    whole = await asterisk.get_info()
    modules = await asterisk.list_modules()

    assert info.system is not None
    assert (whole.system, whole.config is not None) == (info.system, True)
    assert (info.build, info.status is not None) == (None, True)
    assert (await asterisk.ping()).ping == "pong"
    assert await asterisk.get_module(modules[0].name) in modules
    assert "Console" in {log.type for log in await asterisk.list_log_channels()}
    assert (await asterisk.get_global_var("NOBODY_HAS_SET_IT")).value == ""
    assert pbx.url


async def test_reading_of_lists(send: Send) -> None:
    """What the server has is of the described types."""
    sounds, endpoints = await Sounds(send).list(), await Endpoints(send).list()

    assert await Sounds(send).get(sounds[0].id) == sounds[0]
    assert await Endpoints(send).list_by_tech("PJSIP") == endpoints
    assert await Endpoints(send).get("PJSIP", endpoints[0].resource) == endpoints[0]
    assert (await DeviceStates(send).get("PJSIP/nobody")).state in {"UNKNOWN", "INVALID"}
    assert isinstance(await Applications(send).list(), list)
    assert isinstance(await Channels(send).list(), list)
    assert isinstance(await Bridges(send).list(), list)
    assert isinstance(await DeviceStates(send).list(), list)
    assert isinstance(await Recordings(send).list_stored(), list)


async def test_changes_of_the_server(send: Send) -> None:
    """Variables, states, logs and modules are changed."""
    asterisk, name = Asterisk(send), f"t{secrets.token_hex(4)}"

    await asterisk.set_global_var(name, value='é,"x')
    assert (await asterisk.get_global_var(name)).value == 'é,"x'
    await DeviceStates(send).update(f"Stasis:{name}", "RINGING")
    assert (await DeviceStates(send).get(f"Stasis:{name}")).state == "RINGING"
    await DeviceStates(send).delete(f"Stasis:{name}")
    await asterisk.add_log(name, "notice,warning")
    with pytest.raises(Conflict):
        await asterisk.add_log(name, "notice,warning")
    await asterisk.rotate_log(name)
    with pytest.raises(InvalidState):
        await asterisk.reload_module("func_uri.so")
    await asterisk.unload_module("func_uri.so")
    await asterisk.load_module("func_uri.so")
    with pytest.raises(Conflict):
        await asterisk.load_module("func_uri.so")


async def test_dynamic_configuration(send: Send) -> None:
    """An object is created, changed, read and deleted; where that can't be, no user is blamed."""
    asterisk, name = Asterisk(send), f"t{secrets.token_hex(4)}"
    place = ("res_pjsip", "contact", name)

    created = await asterisk.update_object(
        *place, fields=[ConfigTuple(attribute="uri", value="sip:a@127.0.0.1")]
    )

    assert ConfigTuple(attribute="uri", value="sip:a@127.0.0.1") in created
    assert sorted(map(repr, await asterisk.get_object(*place))) == sorted(map(repr, created))
    await asterisk.delete_object(*place)
    aor = [ConfigTuple(attribute="max_contacts", value="3")]
    with pytest.raises(RequestFailed, match="403"):
        await asterisk.update_object("res_pjsip", "aor", name, fields=aor)


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
    async with Client(server_of(real), "nobody") as client:
        bridges = Bridges(client.send)
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
