"""More of what FakeAsterisk does on demand: limits, restarts, and applications that get stuck."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import WSMsgType

from dialogari.ari.testing import FakeAsterisk, Fault, Outbound
from dialogari.sandbox.asterisk import Asterisk, Settings
from either_pbx import QUIET, Server, bare_session, connect, send

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.sandbox.installation import Installation

APP = "my-app"


@pytest_asyncio.fixture(params=["fake", "asterisk-22"])
async def narrow(
    request: pytest.FixtureRequest, asterisk_installation: Installation
) -> AsyncGenerator[Server]:
    """An Asterisk that takes three connections."""
    if request.param == "fake":
        async with FakeAsterisk() as fake:
            fake.session_limit = 3
            yield fake
    else:
        settings = Settings(session_limit=3)
        async with Asterisk(asterisk_installation, settings=settings) as asterisk:
            yield asterisk


async def test_session_limit(narrow: Server) -> None:
    """A connection more than there may be, events sockets included, is closed without a byte."""
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(connect(narrow, f"app-{number}")) for number in range(3)
        ]
        async with bare_session(narrow) as session:
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await send(session, f"{narrow.url}/asterisk/ping", "GET")
            await clients[0].socket.close()
            async with asyncio.timeout(5):
                while True:
                    try:
                        answer = await send(session, f"{narrow.url}/asterisk/ping", "GET")
                        break
                    except aiohttp.ServerDisconnectedError:
                        await asyncio.sleep(0.01)

    assert answer.status == 200


async def test_slow_reader(fake: FakeAsterisk) -> None:
    """A client that does not read for too long is cut off, and its application has nobody."""
    fake.write_timeout = 0.1
    async with connect(fake, APP) as client:
        call = await fake.enter_stasis(APP)
        before = client.socket
        for _ in range(6000):
            await fake.send(APP, {"type": "Long", "text": "x" * 2000})
        async with asyncio.timeout(5):
            while (await fake.enter_stasis(APP)).in_stasis:
                await asyncio.sleep(0.01)

        assert await client.closed() == 1006
    assert before.closed
    assert call.in_stasis


async def test_stuck_application(fake: FakeAsterisk) -> None:
    """A stuck application looks registered, gets nothing, and asking for it is never answered."""
    async with connect(fake, APP) as client, connect(fake, "other") as other:
        fake.stick(APP)
        call = await fake.enter_stasis(APP)
        posted = await client.send("POST", "events/user/x", application=APP)
        for path in ("applications", f"applications/{APP}"):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(QUIET):
                    await client.send("GET", path)
        known = await client.send("GET", "applications/other")
        seen = await client.listen()
        await fake.enter_stasis("other")
        await other.event("StasisStart")
        fake.heal()
        await call.hang_up()
        await client.event("StasisEnd")

    assert call.channel.dialplan.app_name == "Wait"
    assert [posted.status, known.status] == [204, 200]
    assert seen == []


async def test_start(fake: FakeAsterisk) -> None:
    """An Asterisk that starts has lost its calls, and says 404 and 503 before it is there."""
    async with bare_session(fake) as session:
        url = f"{fake.url}/asterisk/ping"
        async with connect(fake, APP) as client:
            call = await fake.enter_stasis(APP)
            async with fake.starting(loaded=False):
                await client.closed()
                missing = await send(session, url, "GET")
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await session.ws_connect(f"{fake.url}/events?app={APP}")
        async with fake.starting():
            starting = await send(session, url, "GET")
        there = await send(session, url, "GET")
        known = await send(session, f"{fake.url}/applications", "GET")

    assert call.hung_up
    assert refused.value.status == missing.status == 404
    assert missing.body == "<html></html>"
    assert (starting.status, starting.message) == (503, "Asterisk not booted")
    assert there.status == 200
    assert fake.calls == known.body == []


async def test_frames_that_are_no_events(fake: FakeAsterisk) -> None:
    """Anything can be sent over a socket: no JSON, no object, no text."""
    async with connect(fake, APP) as client:
        await fake.send_frame(APP, "{nope")
        await fake.send_frame(APP, "[]")
        await fake.send_frame(APP, b"\x00\xff")
        messages = [await client.socket.receive(1.0) for _ in range(3)]

    assert [message.data for message in messages] == ["{nope", "[]", b"\x00\xff"]
    assert messages[2].type is WSMsgType.BINARY


@pytest.mark.parametrize("over_socket", [True, False])
async def test_cut_instead_of_an_answer(fake: FakeAsterisk, over_socket: bool) -> None:
    """A connection may break after a command was carried out: its outcome is unknown."""
    fake.inject(Fault(method="POST", path="bridges/*", cut=True, times=1))
    async with connect(fake, APP) as client, bare_session(fake) as session:
        if over_socket:
            with pytest.raises(EOFError):
                await client.command(request_id="1", method="POST", uri="bridges/b")
        else:
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await send(session, f"{fake.url}/bridges/b", "POST")
        made = await send(session, f"{fake.url}/bridges/b", "GET")

    assert made.status == 200


async def test_delayed_events_keep_their_order(fake: FakeAsterisk) -> None:
    """What an answer holds up, later events of the same channel don't overtake."""
    fake.inject(Fault(path="channels/*/play", delay=0.2, times=1))
    async with connect(fake, APP) as client:
        call = await fake.enter_stasis(APP)
        other = await fake.enter_stasis(APP)
        started = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(client.send("POST", f"channels/{call.id}/play", media="sound:x"))
            await asyncio.sleep(0.1)
            await call.press("1")
            await other.press("2")
            await client.event("ChannelDtmfReceived")
            first = time.monotonic() - started
        await client.event("ChannelDtmfReceived", number=2)

    kinds = [(event["type"], event.get("digit")) for event in client.seen[2:]]
    assert kinds[0] == ("ChannelDtmfReceived", "2")
    assert first < 0.2
    assert [kind for kind, _ in kinds[1:3]] == ["PlaybackStarted", "PlaybackFinished"]
    assert kinds[3] == ("ChannelDtmfReceived", "1")


async def test_call_without_a_word(fake: FakeAsterisk) -> None:
    """A call may be gone without any event."""
    async with connect(fake, APP) as client:
        call = await fake.enter_stasis(APP)
        await call.vanish()
        await call.left()
        gone = await client.send("GET", f"channels/{call.id}")

        assert await client.listen() == ["StasisStart"]
    assert gone.status == 404


async def test_killed_while_connected_out(fake: FakeAsterisk) -> None:
    """After a restart Asterisk connects out as for the first time; what waited is lost."""
    seen: list[str] = []
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readline()).decode().split()[1])
        writer.close()
        closed.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await fake.connect_out(Outbound(f"ws://127.0.0.1:{port}/x", "u", "p", (APP,)))
        await closed.wait()
        call = await fake.enter_stasis(APP)
        async with fake.down(lose_all=True):
            await asyncio.sleep(QUIET)  # a try may be under way
            seen.clear()
            await asyncio.sleep(QUIET)
            quiet = list(seen)
        closed.clear()
        await closed.wait()
        again = await fake.enter_stasis(APP)

    assert quiet == []
    assert seen[0] == "/x"
    assert (call.in_stasis, call.hung_up, again.in_stasis) == (False, True, True)
