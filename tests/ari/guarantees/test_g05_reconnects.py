"""G5. The link comes back by itself after any end, and what a gap did to each call is told.

Any end means the same, close code 1000 included, since a stopping Asterisk sends that. Each time
the link has a new `generation`; a call that is still there is Resumed once, one that is not is
Lost; filter and subscriptions are asked for again. A call that nobody handles goes to `resumed`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import either_pbx
from ari_line import FAKE, INBOUND, NEWEST, OLDEST, ONE_LINK, Way, gap, on, ready
from ari_serving import Desk, back_in_the_dialplan, unexpected, until
from dialogari.ari import LinkState, Lost, Recovered, Resumed, handlers, outbound
from dialogari.ari.interest import DISALLOWED
from dialogari.ari.models import ChannelDestroyed, DeviceStateChanged
from dialogari.ari.testing import FakeAsterisk
from either_pbx import LIMIT

if TYPE_CHECKING:
    from ari_line import Line

DEVICE = "Stasis:lamp"


async def test_running_call(line: Line) -> None:
    """A call outlives cut after cut: it is Resumed once for each, and its handler goes on."""
    async with (
        line.one_call() as visit,
        visit.call.listen(Recovered, Resumed, Lost) as told,
    ):
        session = visit.call.session
        for _ in range(3):
            await gap(line, session)
        await visit.call.answer()

        assert session.generation == visit.call.generation == 4
        assert visit.client.calls == 1
        assert not visit.desk.cancelled
        await visit.phone.hang_up()
        await visit.call.wait_until_gone()
        assert [(type(event), event.generation) async for event in told] == [
            (kind, number) for number in (2, 3, 4) for kind in (Recovered, Resumed)
        ]


@pytest.mark.parametrize("code", [None, 1000, 1001, 1009, 1011])
@on(*FAKE)
async def test_any_end(line: Line, code: int | None) -> None:
    """However the socket ends, the link comes back."""
    async with line.one_call() as visit:
        session = visit.call.session
        await line.fake.drop(code=code)
        await until(lambda: session.generation == 2)

        assert session.state is LinkState.READY
        assert not visit.desk.cancelled


@on(*FAKE, *NEWEST, OLDEST)
async def test_asterisk_restarts(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """An Asterisk that begins anew has lost the call, and hears again what we want to hear."""
    monkeypatch.setattr(outbound, "RETURN_LIMIT", 0.3)
    async with line.one_call() as visit:
        session = visit.call.session
        await session.subscribe(f"deviceState:{DEVICE}")
        if isinstance(line.server, FakeAsterisk):
            async with line.server.down(lose_all=True):
                pass
        else:
            await line.server.restart()
        await visit.call.wait_until_gone()
        await until(lambda: visit.desk.cancelled)
        if line.way is not Way.PER_CALL:
            await ready(session)
        await line.call()
        await until(lambda: len(visit.desk.calls) == 2)
        if line.way is Way.PER_CALL:
            return  # the new call has a link of its own

        known = await session.applications.get(line.app)
        assert known.events_disallowed == [{"type": name} for name in DISALLOWED]
        changed = session.listen(types=(DeviceStateChanged,))
        async with changed as changes, asyncio.timeout(LIMIT):
            await session.device_states.update(DEVICE, "BUSY")
            assert (await anext(changes)).device_state.name == DEVICE
        await session.device_states.delete(DEVICE)


@pytest.mark.usefixtures("short_grace")
async def test_program_that_died(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that a dead program left in silence goes to `resumed` of the next, with arguments."""
    monkeypatch.setattr(handlers, "STOP_LIMIT", 0.05)
    line.stays = True
    async with line.one_call() as visit:
        first = visit.call
        unplugged = line.cable.unplugged()
        unplugged.__enter__()
    unplugged.__exit__(None, None, None)
    desk = Desk()
    async with line.serving(unexpected, resumed=desk.hold):
        call = await desk.first()

        assert (call.id, call.arguments) == (first.id, first.arguments)
        desk.go.set()
        await back_in_the_dialplan(visit.phone, call)
        await asyncio.sleep(0.3)
        assert desk.calls == [call]


@on(*ONE_LINK)
async def test_long_absence(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    """An Asterisk that is away for long is tried again and again, and that is told once."""
    async with line.serving(unexpected) as client:
        with line.cable.unplugged():
            await until(lambda: client.session.state is LinkState.CONNECTING)
            await asyncio.sleep(0.3)
        await ready(client.session)

        assert client.session.generation == 2
    if line.way is Way.INBOUND:
        assert 1 <= caplog.messages.count("ari_link_down") <= 3


@on(*INBOUND)
async def test_everything_in_spite_of_asterisk(line: Line) -> None:
    """`subscribe_all` holds although Asterisk ignores it where it still knows the application."""
    async with either_pbx.connect(line.server, line.app) as before:
        query = {"eventSource": f"deviceState:{DEVICE}"}
        path = f"applications/{line.app}/subscription"
        assert (await before.send("POST", path, **query)).status == 200
    async with line.serving(unexpected, subscribe_all=True) as client:
        ended = client.session.listen(types=(ChannelDestroyed,))
        async with ended as events, asyncio.timeout(LIMIT):
            foreign = line.phone()
            await foreign.call("nobody")
            await foreign.hang_up()
            assert (await anext(events)).channel.id
        await client.session.applications.unsubscribe(line.app, [f"deviceState:{DEVICE}"])
