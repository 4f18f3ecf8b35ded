"""Bridges: who is in them, what is played to them, and their end, ours or somebody else's."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from ari_serving import Desk, disallow, one_call, serving, soon, until
from dialogari.ari import (
    Bridge,
    BridgeGone,
    ChannelGone,
    GoneReason,
    NotFound,
    PlaybackEnd,
    UnknownOutcome,
)
from dialogari.ari.models import (
    BridgeDestroyed,
    ChannelEnteredBridge,
    ChannelLeftBridge,
    PlaybackFinished,
)
from dialogari.ari.testing import FakeAsterisk, Fault

if TYPE_CHECKING:
    from dialogari.ari import Client
    from either_pbx import Phone

FOR_EVER = "tone:ring"


async def until_it_is_not_there(client: Client, bridge: Bridge) -> None:
    """Ask Asterisk for a bridge until it has none; with a channel in it that takes a moment."""
    with suppress(NotFound):
        for _ in range(200):
            await client.session.bridges.get(bridge.id)
            await asyncio.sleep(0.01)
        pytest.fail("it is still there")


async def test_come_and_go(phone: Phone, app: str) -> None:
    """Channels enter and leave; the handle knows who is there, and the bridge ends in the end."""
    async with one_call(phone, app) as (client, call):
        async with client.session.bridge(name="a room") as bridge:
            async with bridge.listen(ChannelEnteredBridge, ChannelLeftBridge) as events:
                await bridge.add(call)
                assert isinstance(await anext(events), ChannelEnteredBridge)
                assert bridge.channels == (call.id,)
                await bridge.remove(call)
                assert isinstance(await anext(events), ChannelLeftBridge)
                assert bridge.channels == ()
                await bridge.remove(call)
            assert bridge.bridge.name == "a room"
            await bridge.add(call)
        await until_it_is_not_there(client, bridge)
        assert bridge.gone is GoneReason.DESTROYED
        with pytest.raises(BridgeGone):
            await bridge.add(call)
        assert call.gone is None


async def test_two_calls(phone: Phone, app: str) -> None:
    """Two channels can be in it; one that hangs up leaves."""
    async with one_call(phone, app) as (client, call):
        session = client.session
        async with session.bridge() as bridge, session.originate("Local/up@line/n") as other:
            await bridge.add(call, other)
            await until(lambda: set(bridge.channels) == {call.id, other.id})
            await phone.hang_up()
            await until(lambda: bridge.channels == (other.id,))
            with pytest.raises(ChannelGone):
                await bridge.add(call)
            await bridge.remove(call, other)


async def test_playing(phone: Phone, app: str) -> None:
    """What is played to a bridge is as what is played to a channel."""
    async with one_call(phone, app) as (client, call), client.session.bridge() as bridge:
        await bridge.add(call)
        async with bridge.listen(PlaybackFinished) as events:
            assert await bridge.play("sound:silence/1") is PlaybackEnd.DONE
            assert (await anext(events)).playback.target_uri == bridge.key
        async with bridge.playing(FOR_EVER) as playback:
            await until(lambda: playback.playback and playback.playback.state == "playing")
        assert playback.ended is PlaybackEnd.STOPPED


async def test_holding(phone: Phone, app: str) -> None:
    """A holding bridge keeps callers with music."""
    async with one_call(phone, app) as (client, call), client.session.bridge("holding") as bridge:
        await bridge.add(call, role="participant")
        await bridge.start_moh()
        await bridge.stop_moh()
        assert bridge.bridge.bridge_type == "holding"


async def test_destroyed_by_another(phone: Phone, app: str) -> None:
    """Somebody else's end of it is told to all who wait, and raised from then on."""
    async with (
        one_call(phone, app) as (client, call),
        asyncio.TaskGroup() as tasks,
        client.session.bridge() as bridge,
        bridge.listen(BridgeDestroyed) as events,
    ):
        await bridge.add(call)
        tasks.create_task(soon(client.session.bridges.destroy(bridge.id)))
        with pytest.raises(BridgeGone) as caught:
            await bridge.play(FOR_EVER)
        assert await bridge.wait_until_gone() is GoneReason.DESTROYED
        assert len([event async for event in events]) == 1

    assert caught.value.bridge_id == bridge.id


async def test_cancelled(phone: Phone, app: str) -> None:
    """A bridge of somebody who is cancelled is destroyed, at whatever moment."""
    made: list[Bridge] = []

    async def keep(client: Client) -> None:
        async with client.session.bridge(name=app) as bridge:
            made.append(bridge)
            await asyncio.Event().wait()

    async with one_call(phone, app) as (client, _), asyncio.TaskGroup() as tasks:
        for pause in (0.0, 0.001, 0.01, 0.2):
            keeping = tasks.create_task(keep(client))
            await asyncio.sleep(pause)
            keeping.cancel()
            await asyncio.wait({keeping})
        assert made
        names = [bridge.name for bridge in await client.session.bridges.list()]
        assert app not in names


async def test_gap(fake: FakeAsterisk, app: str) -> None:
    """After a gap the handle knows again who is there, and hears of it as before."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client, client.session.bridge() as bridge:
        entered = await fake.enter_stasis(app)
        call = await desk.first()
        await bridge.add(call)
        await until(lambda: bridge.channels)
        async with fake.down():
            await entered.hang_up()
        await until(lambda: bridge.channels == ())
        assert bridge.generation == client.session.generation
        await client.session.bridges.destroy(bridge.id)
        assert await bridge.wait_until_gone() is GoneReason.DESTROYED


async def test_end_in_a_gap(fake: FakeAsterisk, app: str) -> None:
    """A bridge that a gap swallowed is gone, and what played to it too."""
    desk = Desk()
    async with (
        serving(fake, app, desk.hold) as client,
        asyncio.TaskGroup() as tasks,
        client.session.bridge() as bridge,
    ):
        await disallow(client, app, "BridgeDestroyed", "PlaybackFinished")
        tasks.create_task(soon(client.session.bridges.destroy(bridge.id), 0.1))
        tasks.create_task(soon(fake.drop(), 0.3))
        with pytest.raises(BridgeGone) as caught:
            await bridge.play(FOR_EVER)

    assert caught.value.reason is GoneReason.ABSENT


@pytest.mark.usefixtures("short_requests")
@pytest.mark.parametrize("executed", [True, False])
async def test_lost_answers(fake: FakeAsterisk, app: str, executed: bool) -> None:
    """When an answer is lost, whether it was carried out is found out."""
    desk = Desk()
    status = None if executed else 500
    async with serving(fake, app, desk.hold) as client:
        await fake.enter_stasis(app)
        call = await desk.first()
        fake.inject(Fault(method="POST", path="bridges/*", silent=True, times=1))
        async with client.session.bridge() as bridge:
            path = "bridges/*/addChannel"
            fake.inject(Fault(path=path, silent=True, status=status, times=1))
            if executed:
                await bridge.add(call)
                assert bridge.channels == (call.id,)
            else:
                with pytest.raises(UnknownOutcome):
                    await bridge.add(call)
