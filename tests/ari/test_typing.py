"""What a type checker tells a user: checked by basedpyright, and run as it stands.

Where it must complain a comment says so, and an unnecessary one is an error in this file.
"""
# pyright: reportUnnecessaryTypeIgnoreComment=error

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, assert_type

from ari_serving import connect_to, one_call, server_of
from dialogari.ari import (
    Bridge,
    Call,
    Channel,
    Client,
    Collected,
    GoneReason,
    Handler,
    KeysEnd,
    LinkState,
    Listener,
    Lost,
    Playback,
    PlaybackEnd,
    Recording,
    Recovered,
    Resumed,
    Server,
    Session,
    connect,
    listen,
    models,
)
from dialogari.ari.models import (
    ChannelDtmfReceived,
    LiveRecording,
    PlaybackFinished,
    PlaybackStarted,
)
from dialogari.ari.testing import FakeAsterisk
from either_pbx import FakePhone

if TYPE_CHECKING:
    from dialogari.ari.routing import Told

Started = PlaybackStarted | PlaybackFinished


async def test_results(fake: FakeAsterisk, app: str) -> None:
    """What the handles return has the types that their users count on."""
    async with one_call(FakePhone(fake), app) as (client, call):
        assert_type(client, Client)
        assert_type(call, Call)
        assert_type(client.session, Session)
        assert_type(await call.play("digits:1"), PlaybackEnd)
        assert_type(await call.say_digits("1"), PlaybackEnd)
        assert_type(await call.record(app, seconds=1), LiveRecording)
        assert_type(await call.get_variable("A"), str | None)
        assert_type(await call.collect(4, seconds=0), str)
        found = assert_type(await call.ask("digits:1", count=1, seconds=0), Collected)
        assert_type(found.digits, str)
        assert_type(found.end, KeysEnd)
        assert_type(call.gone, GoneReason | None)


async def test_scopes(fake: FakeAsterisk, app: str) -> None:
    """Scopes give out their handles."""
    async with one_call(FakePhone(fake), app) as (client, call):
        async with call.playing("tone:ring") as playback:
            assert_type(playback, Playback)
            assert_type(playback.ended, PlaybackEnd | None)
        async with call.recording(app, format="wav", terminator="#") as recording:
            assert_type(recording, Recording)
        async with client.session.bridge("holding") as bridge:
            assert_type(bridge, Bridge)
            assert_type(bridge.channels, tuple[str, ...])
        originating = client.session.originate("PJSIP/alice", caller_id="1", seconds=3)
        assert_type(originating, AbstractAsyncContextManager[Channel, bool | None])
        async with originating as leg:
            assert_type(leg, Channel)


async def test_listeners(fake: FakeAsterisk, app: str) -> None:
    """A listener gives out the types it was asked for."""
    async with one_call(FakePhone(fake), app) as (client, call):
        assert_type(call.listen(ChannelDtmfReceived), Listener[ChannelDtmfReceived])
        assert_type(call.listen(PlaybackStarted, PlaybackFinished), Listener[Started])
        async with call.listen(ChannelDtmfReceived) as keys:
            await fake.call(call.id).press("7")
            assert_type((await anext(keys)).digit, str)
        everything = client.session.listen(types=(PlaybackFinished,))
        assert_type(everything, Listener[PlaybackFinished])
        if TYPE_CHECKING:
            assert_type(call.listen(), Listener[Told])
        found = client.session.listen(types=(Resumed, Lost, Recovered))
        assert_type(found, Listener[Resumed | Lost | Recovered])


async def test_connecting(fake: FakeAsterisk, app: str) -> None:
    """Both ways of connecting give the same client, which takes a handler."""

    async def answer(call: Call) -> None:
        await call.answer()

    async def wrong(channel_id: str) -> None: ...

    handler: Handler = answer
    assert_type(server_of(fake), Server)
    assert_type(listen("127.0.0.1", 0, app, username="a", password="b"), Client)
    assert_type(connect(fake.url, app, username="a", password="b"), Client)
    async with connect_to(fake, app) as client:
        await client.wait_until_ready()
        assert_type(client.sessions, list[Session])
        assert_type(client.session.state, LinkState)
        if TYPE_CHECKING:
            assert_type(await client.serve(handler, resumed=answer), None)
            await client.serve(wrong)  # pyright: ignore[reportArgumentType]
            connect(fake.url, app, "a", "b")  # pyright: ignore[reportCallIssue]


async def test_operations(fake: FakeAsterisk, app: str) -> None:
    """Operations give models, and know the values that Asterisk allows."""
    async with one_call(FakePhone(fake), app) as (client, call):
        session = client.session
        channels = assert_type(await session.channels.list(), list[models.Channel])
        assert_type(channels[0].caller.number, str)
        assert_type(await session.channels.get(call.id), models.Channel)
        assert_type(await session.asterisk.get_info(), models.AsteriskInfo)
        assert_type(await session.device_states.update("Stasis:a", "INUSE"), None)
        if TYPE_CHECKING:
            assert_type(await session.recordings.get_stored_file("a"), bytes)
            session.bridge("conference")  # pyright: ignore[reportArgumentType]
            await call.mute("sideways")  # pyright: ignore[reportArgumentType]
            await session.device_states.update("Stasis:a", "ON")  # pyright: ignore[reportArgumentType]
            session.originate("PJSIP/a", caller="1")  # pyright: ignore[reportCallIssue]
