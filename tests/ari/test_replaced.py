"""A call whose channel another one replaces, as in an attended transfer: its handles go on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ari_serving import Desk, serving, soon, until
from dialogari.ari import ChannelGone, PlaybackEnd
from masquerade import telephone

if TYPE_CHECKING:
    from dialogari.sandbox.asterisk import Asterisk


@pytest.fixture(params=["real", "real_16"])
def pbx(request: pytest.FixtureRequest) -> Asterisk:
    """Both Asterisks in turn."""
    return request.getfixturevalue(request.param)


async def test_what_plays(pbx: Asterisk, app: str) -> None:
    """What plays goes on to the new channel, can be stopped there, and ends with it."""
    desk = Desk()
    async with (
        serving(pbx, app, desk.hold),
        telephone(pbx.sip_port) as caller,
        telephone(pbx.sip_port) as other,
        asyncio.TaskGroup() as tasks,
    ):
        await caller.dial(app)
        call = await desk.first()
        old = call.id
        tasks.create_task(soon(other.take_over(caller), 0.2))
        assert await call.play("sound:silence/2") is PlaybackEnd.DONE
        await until(lambda: call.id != old)

        async with call.playing("tone:ring") as playback:
            await until(lambda: playback.playback and playback.playback.state == "playing")
        assert playback.ended is PlaybackEnd.STOPPED
        await call.send_digits("1")
        tasks.create_task(soon(other.hang_up()))
        with pytest.raises(ChannelGone):
            await call.play("tone:ring")
        assert desk.calls == [call]


async def test_place_in_a_bridge(pbx: Asterisk, app: str) -> None:
    """In a bridge the call goes on as the channel that is there."""
    desk = Desk()
    async with (
        serving(pbx, app, desk.hold, resumed=desk.hold) as client,
        telephone(pbx.sip_port) as caller,
        telephone(pbx.sip_port) as other,
        client.session.bridge() as bridge,
    ):
        await caller.dial(app)
        call = await desk.first()
        await bridge.add(call)
        old = call.id
        await other.take_over(caller)
        await until(lambda: call.id != old)
        await until(lambda: bridge.channels == (call.id,))
        assert await bridge.play("digits:1") is PlaybackEnd.DONE
        await bridge.remove(call)
        assert await call.play("digits:1") is PlaybackEnd.DONE
