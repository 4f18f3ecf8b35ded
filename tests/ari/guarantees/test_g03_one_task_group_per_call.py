"""G3. A call is one coroutine and all that it starts: cancelled together when the call goes.

A command to a call that is gone raises ChannelGone, which says why. Whatever the handler does, its
call is sent back to the dialplan in the end, and no other call notices.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ari_line import (
    FAKE,
    FAKE_INBOUND,
    FAKE_PERSISTENT,
    REAL_PER_CALL,
    REAL_PERSISTENT,
    on,
    replaceable,
)
from ari_serving import Desk, back_in_the_dialplan, serving, until
from dialogari.ari import Call, ChannelGone, GoneReason, MoveFailed
from dialogari.ari.testing import Fault

if TYPE_CHECKING:
    from ari_line import Line


async def test_hang_up(line: Line) -> None:
    """When the caller hangs up, the handler and what it started are cancelled, and told why."""
    desk = Desk()

    async def handle(call: Call) -> None:
        call.start(desk.hold(call))
        await desk.hold(call)

    async with line.serving(handle) as client:
        phone = await line.call()
        await until(lambda: len(desk.calls) == 2)
        await phone.hang_up()
        await until(lambda: not client.calls)

        call = desk.calls[0]
        assert desk.cancelled == [call, call]
        assert call.gone is GoneReason.STASIS_END
        with pytest.raises(ChannelGone) as caught:
            await call.answer()
        assert caught.value.channel_id == call.id
        assert caught.value.reason is GoneReason.STASIS_END
        assert caught.value.cause is not None


async def test_events_before_the_end(line: Line) -> None:
    """A handler that waits for events gets all that came before it is cancelled, the end's too."""
    heard: list[str] = []
    desk = Desk()

    async def handle(call: Call) -> None:
        desk.calls.append(call)
        async with call.listen() as events:
            async for event in events:
                heard.append(type(event).__name__)  # noqa: PERF401 - one by one: it is cancelled

    async with line.serving(handle) as client:
        phone = await line.call()
        call = await desk.first()
        await call.answer()
        await phone.hang_up()
        await until(lambda: not client.calls)

    assert heard[-2:] == ["ChannelHangupRequest", "StasisEnd"]


async def test_fault(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    """A fault in what a handler started ends that handler; its call goes back, others go on."""
    desk = Desk()
    faulty: list[Call] = []

    async def fail() -> None:
        raise RuntimeError("a fault of the program")

    async def handle(call: Call) -> None:
        if not desk.calls:
            await desk.hold(call)
        faulty.append(call)
        call.start(fail())
        await asyncio.Event().wait()

    async with line.serving(handle) as client:
        await line.call()
        await desk.first()
        phone = await line.call()
        await until(lambda: faulty)
        await back_in_the_dialplan(phone, faulty[0])
        await until(lambda: client.calls == 1)

        assert desk.cancelled == []
        assert "call_handler_failed" in caplog.messages


async def test_program_that_stops(line: Line) -> None:
    """A program that stops sends its calls back: nobody is left in silence."""
    async with line.one_call() as visit:
        pass

    await back_in_the_dialplan(visit.phone, visit.call)
    assert visit.desk.cancelled == [visit.call]


async def test_move(line: Line) -> None:
    """A call that is moved to another application has left, and that was no hang-up."""
    other, arrived = f"{line.app}-other", Desk()
    moved: list[Call] = []

    async def handle(call: Call) -> None:
        with pytest.raises(MoveFailed):
            await call.move("nobody")
        await call.move(other, "an argument")
        await asyncio.sleep(0.1)
        moved.append(call)

    async with serving(line.server, other, arrived.hold), line.serving(handle) as client:
        await line.call()
        there = await arrived.first()
        await until(lambda: moved and not client.calls)
        await there.answer()

        assert there.arguments == ("an argument",)
        assert moved[0].gone is GoneReason.STASIS_END
        assert not arrived.cancelled


async def test_replaced(line: Line) -> None:
    """A call whose channel another one replaces goes on with that one, under its id."""
    desk = Desk()
    async with line.serving(desk.hold) as client, replaceable(line) as replace:
        call = await desk.first()
        old = call.id
        await replace()
        await until(lambda: call.id != old)

        await call.answer()
        assert desk.calls == [call]
        assert not desk.cancelled
        await call.hang_up()
        assert await call.wait_until_gone() is GoneReason.STASIS_END
        desk.go.set()
        await until(lambda: not client.calls)


@on(FAKE_INBOUND, FAKE_PERSISTENT)
async def test_replaced_during_a_snapshot(line: Line) -> None:
    """A snapshot that is older than the new channel does not say that the call is gone."""
    async with line.one_call() as visit:
        session, old = visit.call.session, visit.call.id
        line.fake.inject(Fault("GET", "channels", delay=0.4, times=1))
        line.cable.cut()
        await asyncio.sleep(0.2)
        await line.fake.call(old).replace_with()
        await until(lambda: visit.call.id != old)
        assert session.generation == 1
        await until(lambda: session.generation == 2)

        assert visit.call.gone is None


@on(*FAKE, REAL_PERSISTENT, REAL_PER_CALL)
@pytest.mark.usefixtures("short_grace")
async def test_replaced_in_a_bridge(line: Line) -> None:
    """In a bridge too, where the old channel stays behind: it goes to `resumed`."""
    desk, left_behind = Desk(), Desk()
    async with (
        line.serving(desk.hold, resumed=left_behind.hold),
        replaceable(line) as replace,
    ):
        call = await desk.first()
        old = call.id
        async with call.session.bridge() as bridge:
            await bridge.add(call)
            await until(lambda: bridge.channels)
            await replace()
            await until(lambda: call.id != old and bridge.channels == (call.id,))
            await call.answer()
            assert (await left_behind.first()).id == old
        assert not desk.cancelled
