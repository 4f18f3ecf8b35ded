"""What ends while the link is cut: Asterisk is told when it is back, and nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

import either_pbx
from ari_serving import (
    Desk,
    back_in_the_dialplan,
    connect_to,
    ready_again,
    server_of,
    serving,
    unexpected,
    until,
)
from cable import Cable
from dialogari.ari import Call, Client, GoneReason
from dialogari.ari.testing import FakeAsterisk

if TYPE_CHECKING:
    from either_pbx import Phone

pytestmark = pytest.mark.usefixtures("short_grace")

FOR_EVER = "tone:ring"
UP = "Local/up@line/n"
RINGING = "Local/ring@line/n"

Use = Callable[[Call, asyncio.Event], Awaitable[None]]


@dataclass(slots=True)
class Wired:
    """A call of a client that is on a cable."""

    client: Client
    cable: Cable
    call: Call
    end: asyncio.Event
    """Has the handler end its scope."""

    async def end_in_a_gap(self) -> None:
        """End the scope while the link is cut."""
        with self.cable.unplugged():
            await until(lambda: not self.cable.connections)
            self.end.set()
            await asyncio.sleep(0.3)
        await self.client.wait_until_ready()


@asynccontextmanager
async def wired(phone: Phone, app: str, use: Use) -> AsyncGenerator[Wired]:
    """Have a call whose handler is inside a scope."""
    desk, end = Desk(), asyncio.Event()
    desk.go.set()

    async def handle(call: Call) -> None:
        await desk.hold(call)
        await use(call, end)

    async with Cable(urlsplit(phone.server.url).port or 0) as cable:
        server = replace(server_of(phone.server), url=f"http://127.0.0.1:{cable.port}/ari")
        async with serving(server, app, handle, resumed=unexpected) as client:
            await phone.call(app)
            yield Wired(client, cable, await desk.first(), end)


async def playing(call: Call, end: asyncio.Event) -> None:
    """Play as long as the scope lasts."""
    async with call.playing(FOR_EVER) as playback:
        await end.wait()
        assert playback.ended is None


async def recording(call: Call, end: asyncio.Event) -> None:
    """Record as long as the scope lasts."""
    async with call.recording(f"gap-{call.id}"):
        await end.wait()


@pytest.mark.parametrize("use", [playing, recording])
async def test_call_with_something_on_it(phone: Phone, app: str, use: Use) -> None:
    """What plays or records keeps a call from leaving: it is stopped, and the call leaves, once."""
    async with wired(phone, app, use) as line:
        await asyncio.sleep(0.2)
        await line.end_in_a_gap()

        await back_in_the_dialplan(phone, line.call)
        await asyncio.sleep(0.4)  # a handler of its own would have it by now
        await until(lambda: not len(line.client.session.calls))
        await until(lambda: not len(line.client.session.router))


async def bridging(call: Call, end: asyncio.Event) -> None:
    """Have a bridge as long as the scope lasts."""
    async with call.session.bridge():
        await end.wait()


async def test_bridge(phone: Phone, app: str) -> None:
    """A bridge does not outlive its scope, and nobody listens to it any more."""
    async with wired(phone, app, bridging) as line, connect_to(phone.server, "other") as other:
        await other.wait_until_ready()
        async with asyncio.timeout(5):
            while not await other.session.bridges.list():
                await asyncio.sleep(0.01)
            await line.end_in_a_gap()
            while await other.session.bridges.list():
                await asyncio.sleep(0.01)
        await until(lambda: not len(line.client.session.router))


@pytest.mark.parametrize("endpoint", [UP, RINGING])
async def test_leg(phone: Phone, app: str, endpoint: str) -> None:
    """A call that we made is hung up, whether it was answered or still rang."""
    begin = asyncio.Event()

    async def calling(call: Call, end: asyncio.Event) -> None:
        await begin.wait()
        call.start(_call(call, endpoint))
        await end.wait()

    async with wired(phone, app, calling) as line, connect_to(phone.server, "other") as other:
        await other.wait_until_ready()
        before = await _ids(other)
        begin.set()
        async with asyncio.timeout(5):
            while await _ids(other) <= before:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            await line.end_in_a_gap()
            while not await _ids(other) <= before:
                await asyncio.sleep(0.01)


async def _call(call: Call, endpoint: str) -> None:
    async with call.session.originate(endpoint):
        await asyncio.Event().wait()


async def _ids(client: Client) -> set[str]:
    return {channel.id for channel in await client.session.channels.list()}


async def test_visit_after_the_one_we_knew(fake: FakeAsterisk, app: str) -> None:
    """A call that left and came back in one gap is told apart where Stasis() had other words."""
    first, second = Desk(), Desk()
    async with Cable(urlsplit(fake.url).port or 0) as cable:
        server = replace(server_of(fake), url=f"http://127.0.0.1:{cable.port}/ari")
        async with serving(server, app, first.hold, resumed=second.hold) as client:
            entered = await fake.enter_stasis(app, ["one"])
            call = await first.first()
            with cable.unplugged():
                async with either_pbx.connect(fake, app):
                    await entered.leave()
                    await entered.enter_stasis(app, ["two"])
            await client.wait_until_ready()
            again = await second.first()

            assert (call.gone, first.cancelled) == (GoneReason.ABSENT, [call])
            assert (again.id, again.arguments) == (call.id, ("two",))
            assert entered.in_stasis


async def test_end_that_was_missed_after_the_handler(fake: FakeAsterisk, app: str) -> None:
    """A call that had been sent back before the gap is over without a word, and not lost."""
    desk = Desk()
    desk.go.set()
    async with serving(fake, app, desk.hold, resumed=unexpected) as client:
        async with client.session.listen() as events:
            await client.session.applications.filter(
                app, filter={"disallowed": [{"type": "StasisEnd"}]}
            )
            await (await fake.enter_stasis(app)).left()
            await client.wait_until_idle()
            assert len(client.session.calls) == 1
            await fake.drop()
            await ready_again(client)
            told = [type(event).__name__ for event in events.drain()]

        assert "Lost" not in told
        assert "Recovered" in told
        assert (len(client.session.calls), len(client.session.router)) == (0, 0)
