"""What a listener hears: everything of its objects, in order, from the moment it is asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from ari_serving import Desk, connect_to, serving, until
from dialogari.ari import Listener, Lost, Recovered, Resumed
from dialogari.ari.models import ChannelUserevent, Event

if TYPE_CHECKING:
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
