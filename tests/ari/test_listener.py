"""What a listener hears: everything of its objects, in order, from the moment it is asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from ari_serving import Desk, connect_to, serving, until
from dialogari.ari import Listener, Lost, Recovered, Resumed
from dialogari.ari.models import Event

if TYPE_CHECKING:
    from dialogari.ari.testing import FakeAsterisk

E = TypeVar("E")


async def take(events: Listener[E], heard: list[E]) -> None:
    """Put events into a list as they come."""
    async for event in events:
        heard.append(event)  # noqa: PERF401 - one by one, for who looks on


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


async def test_once_for_all_its_objects(fake: FakeAsterisk, app: str) -> None:
    """An event that concerns several objects of a listener comes to it once."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client:
        await fake.enter_stasis(app)
        call = await desk.first()
        async with (
            client.session.bridge() as bridge,
            client.session.listen(call.key, bridge.key) as events,
            asyncio.timeout(5),
        ):
            await bridge.add(call)
            await bridge.remove(call)
            told = [type(await anext(events)).__name__ for _ in range(2)]

    assert told == ["ChannelEnteredBridge", "ChannelLeftBridge"]


async def test_cancelled_as_an_event_comes(fake: FakeAsterisk, app: str) -> None:
    """An event that was already on its way to who is cancelled is the next one's, in its order."""
    async with connect_to(fake, app) as client, client.session.listen() as events:
        await client.wait_until_ready()
        waiting = asyncio.create_task(anext(events))
        await asyncio.sleep(0)
        events.put(Recovered(2))
        events.put(Recovered(3))
        waiting.cancel()
        await asyncio.wait([waiting])

        assert waiting.cancelled()
        assert [await anext(events), await anext(events)] == [Recovered(2), Recovered(3)]


async def test_the_next_who_waits(fake: FakeAsterisk, app: str) -> None:
    """Who waits after one that is being cancelled gets what that one leaves, and what comes."""
    async with (
        connect_to(fake, app) as client,
        client.session.listen() as events,
        asyncio.timeout(5),
    ):
        await client.wait_until_ready()
        for told in ([Recovered(2)], []):
            waiting = asyncio.create_task(anext(events))
            await asyncio.sleep(0)
            for event in told:
                events.put(event)
            waiting.cancel()
            asyncio.get_running_loop().call_later(0.05, events.put, Recovered(3))
            heard = [await anext(events) for _ in range(len(told) + 1)]
            assert waiting.cancelled()
            assert heard == [*told, Recovered(3)]
