"""What a listener hears: everything of its objects, in order, from the moment it is asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import pytest

from ari_serving import Desk, connect_to, serving, until
from dialogari.ari import Call, Listener, ListenerOverflowed, Lost, Recovered, Resumed, routing
from dialogari.ari.models import ChannelUserevent, Event

if TYPE_CHECKING:
    from dialogari.ari.routing import Told
    from dialogari.ari.testing import FakeAsterisk

E = TypeVar("E")


def numbered(call_id: str, number: int) -> dict[str, object]:
    """Return an event of a channel with a number in it."""
    channel = {
        "id": call_id,
        "name": "x",
        "state": "Up",
        "caller": {"name": "", "number": ""},
        "connected": {"name": "", "number": ""},
        "accountcode": "",
        "dialplan": {
            "context": "c",
            "exten": "s",
            "priority": 1,
            "app_name": "Stasis",
            "app_data": "",
        },
        "creationtime": "2026-01-01T00:00:00.000+0000",
        "language": "en",
    }
    return {
        "type": "ChannelUserevent",
        "eventname": "number",
        "userevent": {"number": number},
        "channel": channel,
    }


def number_of(event: object) -> int:
    """Return the number of such an event."""
    assert isinstance(event, ChannelUserevent)
    return int(str(event.userevent["number"]))


async def take(events: Listener[E], heard: list[E]) -> None:
    """Put events into a list as they come."""
    async for event in events:
        heard.append(event)  # noqa: PERF401 - one by one, for who looks on


async def test_from_the_start(fake: FakeAsterisk, app: str) -> None:
    """The first listener of a call begins with what came since its StasisStart, in order."""
    heard: list[ChannelUserevent] = []

    async def handle(call: Call) -> None:
        await asyncio.sleep(0.1)
        async with call.listen(ChannelUserevent) as events:
            await take(events, heard)

    async with serving(fake, app, handle):
        call = await fake.enter_stasis(app)
        for number in range(100):
            await fake.send(app, numbered(call.id, number))
        await until(lambda: len(heard) == 100)

    assert [number_of(event) for event in heard] == list(range(100))


async def test_each_call_its_own(fake: FakeAsterisk, app: str) -> None:
    """Events of one call are not heard by another's listener."""
    heard: dict[str, list[int]] = {}

    async def handle(call: Call) -> None:
        async with call.listen(ChannelUserevent) as events:
            async for event in events:
                heard.setdefault(call.id, []).append(number_of(event))

    async with serving(fake, app, handle):
        calls = [await fake.enter_stasis(app) for _ in range(5)]
        for number in range(20):
            for call in calls:
                await fake.send(app, numbered(call.id, number))
        await until(lambda: sum(map(len, heard.values())) == 100)

    assert heard == {call.id: list(range(20)) for call in calls}


async def test_slow_listener(fake: FakeAsterisk, app: str) -> None:
    """One that takes its time holds up nobody, and loses nothing."""
    slow: list[int] = []
    quick = Desk()

    async def handle(call: Call) -> None:
        if quick.calls:
            await quick.hold(call)
        quick.calls.append(call)
        async with call.listen(ChannelUserevent) as events:
            async for event in events:
                slow.append(number_of(event))
                await asyncio.sleep(0.005)

    async with serving(fake, app, handle):
        first = await fake.enter_stasis(app)
        await until(lambda: quick.calls)
        for number in range(100):
            await fake.send(app, numbered(first.id, number))
        second = await fake.enter_stasis(app)
        await until(lambda: len(quick.calls) == 2)
        assert len(slow) < 100
        await second.hang_up()
        await until(lambda: quick.cancelled)
        await until(lambda: len(slow) == 100)

    assert slow == list(range(100))


async def test_overflow(fake: FakeAsterisk, app: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that leaves too much untaken is told so when it has taken what there is."""
    monkeypatch.setattr(routing, "LONGEST_QUEUE", 10)
    heard: list[Told] = []
    ended: list[Exception] = []
    go = asyncio.Event()

    async def handle(call: Call) -> None:
        async with call.session.listen(call.key) as events:
            await go.wait()
            try:
                await take(events, heard)
            except ListenerOverflowed as error:
                ended.append(error)

    async with serving(fake, app, handle):
        call = await fake.enter_stasis(app)
        await asyncio.sleep(0.05)
        for number in range(30):
            await fake.send(app, numbered(call.id, number))
        await asyncio.sleep(0.1)
        go.set()
        await until(lambda: ended)

    assert [number_of(event) for event in heard] == list(range(10))
    assert "10 events" in str(ended[0])


async def test_everything(fake: FakeAsterisk, app: str) -> None:
    """A listener without keys hears of all, what we find out ourselves included."""
    heard: list[Event | Recovered | Resumed | Lost] = []
    desk = Desk()

    async with serving(fake, app, desk.hold) as client, asyncio.TaskGroup() as tasks:

        async def listen() -> None:
            async with client.session.listen(types=(Event, Recovered, Resumed, Lost)) as events:
                await take(events, heard)

        listening = tasks.create_task(listen())
        staying, leaving = [await fake.enter_stasis(app) for _ in range(2)]
        await until(lambda: len(desk.calls) == 2)
        async with fake.down():
            await leaving.hang_up()
        await until(lambda: any(isinstance(event, Lost) for event in heard))
        listening.cancel()

    told = [type(event).__name__ for event in heard]
    assert told == ["StasisStart", "StasisStart", "Recovered", "Resumed", "Lost"]
    resumed = next(event for event in heard if isinstance(event, Resumed))
    lost = next(event for event in heard if isinstance(event, Lost))
    assert (resumed.call.id, lost.call.id) == (staying.id, leaving.id)
    assert resumed.generation == resumed.call.generation == 2


async def test_ends_with_the_session(fake: FakeAsterisk, app: str) -> None:
    """When the application is taken over for good, a listener ends."""
    async with connect_to(fake, app) as client, asyncio.timeout(5):
        await client.wait_until_ready()
        async with client.session.listen() as events:
            await fake.replace(app)
            assert [event async for event in events] == []
