"""G1. The reader of the events never waits for your code; each call's events come in their order.

A listener is a queue of its own: a slow one holds up nobody and loses nothing, until it leaves so
much untaken that it is told. Only code that blocks the event loop itself holds everybody up, which
`Client.lag` shows and the log tells before Asterisk drops the client.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from ari_line import FAKE_INBOUND, on, ready
from ari_serving import Desk, unexpected, until
from dialogari.ari import Call, ListenerOverflowed, routing, stall
from dialogari.ari.models import ChannelUserevent

if TYPE_CHECKING:
    from ari_line import Line
    from dialogari.ari import Listener

MANY = 30


def numbers(events: list[ChannelUserevent]) -> list[object]:
    """Return what the events were published with."""
    return [event.userevent["number"] for event in events]


async def publish(call: Call, count: int) -> None:
    """Publish numbered events of a call, one after the other."""
    for number in range(count):
        await call.publish("counted", {"number": number})


async def take(events: Listener[ChannelUserevent], count: int) -> list[ChannelUserevent]:
    """Return the next events."""
    return [await anext(events) for _ in range(count)]


async def test_slow_code(line: Line) -> None:
    """Code that takes its time over one call's events holds up no other, and misses nothing."""
    heard: list[ChannelUserevent] = []
    slow, quick, go = Desk(), Desk(), asyncio.Event()

    async def handle(call: Call) -> None:
        if slow.calls:
            await quick.hold(call)
        slow.calls.append(call)
        async with call.listen(ChannelUserevent) as events:
            async for event in events:
                await go.wait()
                heard.append(event)

    async with line.serving(handle):
        await line.call()
        call = await slow.first()
        await ready(call.session)
        await publish(call, MANY)
        phone = await line.call()
        other = await quick.first()
        await other.answer()
        await phone.hang_up()
        await until(lambda: quick.cancelled)
        assert heard == []
        go.set()
        await until(lambda: len(heard) == MANY)

        assert numbers(heard) == list(range(MANY))


async def test_from_the_start(line: Line) -> None:
    """The first listener of a call begins with what came since its StasisStart, in order."""
    async with line.one_call() as visit:
        await publish(visit.call, MANY)
        async with visit.call.listen(ChannelUserevent) as events, asyncio.timeout(5):
            await until(lambda: events.waiting == MANY)
            assert numbers(await take(events, MANY)) == list(range(MANY))
            assert events.waiting == 0


async def test_each_call_its_own(line: Line) -> None:
    """A listener of one call hears nothing of another."""
    async with line.one_call() as visit:
        await line.call()
        await until(lambda: len(visit.desk.calls) == 2)
        one, other = visit.desk.calls
        await ready(other.session)
        async with (
            one.listen(ChannelUserevent) as of_one,
            other.listen(ChannelUserevent) as of_other,
            asyncio.timeout(5),
        ):
            for number in range(10):
                await one.publish("counted", {"number": number})
                await other.publish("counted", {"number": -number})
            assert numbers(await take(of_one, 10)) == [*range(10)]
            assert numbers(await take(of_other, 10)) == [-number for number in range(10)]


async def test_too_slow(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener that leaves too much untaken is told so, after what it holds."""
    async with line.one_call() as visit:
        patient = visit.call.session.listen(visit.call.key, types=(ChannelUserevent,))
        monkeypatch.setattr(routing, "LONGEST_QUEUE", 10)
        listener = visit.call.session.listen(visit.call.key, types=(ChannelUserevent,))
        async with listener as events, patient as all_events, asyncio.timeout(5):
            await publish(visit.call, 12)
            await until(lambda: all_events.waiting == 12)
            assert numbers(await take(events, 10)) == list(range(10))
            with pytest.raises(ListenerOverflowed, match="10 events"):
                await anext(events)


@on(FAKE_INBOUND)
async def test_blocked_loop(
    line: Line, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that blocks the loop is told of, once for a while, before Asterisk drops the client."""
    monkeypatch.setattr(stall, "WINDOW", 0.5)
    async with line.serving(unexpected) as client:
        assert client.lag < 0.1  # the lender of this machine may be late too
        caplog.clear()
        for _ in range(3):
            time.sleep(0.12)  # noqa: ASYNC251 - what this test is about
            await asyncio.sleep(0.06)

        assert client.lag > 0.05
        assert caplog.messages.count("ari_loop_blocked") in (1, 2)
        await until(lambda: client.lag < 0.05)
