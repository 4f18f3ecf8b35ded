"""What Asterisk itself does on the sockets that it opens to us, as far as we build on it."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from ari_serving import until
from cable import Cable
from dialogari.ari.errors import UnknownOutcome
from dialogari.ari.models import ChannelUserevent, StasisEnd, StasisStart
from dialogari.ari.request import Request
from dialogari.sandbox.asterisk import Asterisk, Settings
from dialogari.sandbox.outbound import OutboundSocket
from dialogari.sandbox.ports import choose_port
from either_pbx import RealPhone, bare_session, connect, send
from outbound import CREDENTIALS, PATH, Reception, connected_out, listening

if TYPE_CHECKING:
    import either_pbx
    from dialogari.ari.transport.websocket import EventSocket
    from dialogari.sandbox.installation import Installation

PING = Request("GET", "asterisk/ping", repeatable=True)


async def echo(connected: EventSocket, application: str) -> int:
    """Have an application sent an event, by a command over its own socket; return the status."""
    path = f"events/user/echo?application={quote(application, safe='')}"
    return (await connected.send(Request("POST", path), 2.0)).status


async def is_echoed(reception: Reception, connected: EventSocket, application: str) -> bool:
    """Return whether such an event comes back; the command itself is answered."""
    before = len(reception.of_type(ChannelUserevent))
    assert await echo(connected, application) == 204
    try:
        await until(lambda: len(reception.of_type(ChannelUserevent)) > before, 0.5)
    except TimeoutError:
        return False
    return True


async def stasis_status(asterisk: Asterisk) -> str:
    """Return how the one call of [probe] came back to the dialplan; empty: it has not."""
    async with bare_session(asterisk) as session:
        channels = (await send(session, f"{asterisk.url}/channels", "GET")).body
        for channel in channels:
            if channel["dialplan"]["context"] == "probe" and channel["name"].endswith(";2"):
                url = f"{asterisk.url}/channels/{quote(channel['id'])}/variable"
                answer = await send(session, url, "GET", query={"variable": "STASISSTATUS"})
                return answer.body.get("value", "")
    return ""


async def test_persistent(real: Asterisk, app: str) -> None:
    """One socket for all calls: events and commands pass as on a socket of ours."""
    reception = Reception()
    phone = RealPhone(real)
    async with listening(reception) as server, connected_out(real, server.port, app):
        await until(lambda: reception.frames and reception.frames[0])
        assert (await reception.sockets[0].send(PING, 2.0)).status == 200
        assert await is_echoed(reception, reception.sockets[0], app)
        await phone.call(app)
        await until(lambda: reception.of_type(StasisStart))
        await phone.hang_up()
        await until(lambda: reception.of_type(StasisEnd))

    assert reception.types(0)[:3] == ["ApplicationRegistered", "ChannelUserevent", "StasisStart"]
    assert reception.of_type(StasisStart)[0].application == app
    assert len(reception.sockets) == 1
    assert server.refused == 0


async def test_per_call(real: Asterisk, app: str) -> None:
    """Each call has a socket and an application of its own, named by the channel."""
    reception = Reception()
    phones = [RealPhone(real), RealPhone(real)]
    async with (
        listening(reception) as server,
        connected_out(real, server.port, app, per_call=True),
    ):
        await asyncio.gather(*(phone.call(app) for phone in phones))
        await until(lambda: len(reception.of_type(StasisStart)) == 2)
        starts = reception.of_type(StasisStart)
        for start, connected in zip(starts, reception.sockets, strict=True):
            assert start.application == f"{app}:{start.channel.name}"
            assert await is_echoed(reception, connected, start.application)
            assert await echo(connected, app) == 404
        for phone in phones:
            await phone.hang_up()
        # 3 s after the call has left Stasis.
        await until(lambda: len(reception.ended) == 2)

    assert reception.types(0)[:2] == ["ApplicationRegistered", "StasisStart"]
    assert [each.close_code for each in reception.sockets] == [1000, 1000]


@pytest.mark.parametrize("per_call", [False, True])
async def test_cut(real: Asterisk, app: str, per_call: bool) -> None:
    """A cut socket comes again at once, with the same application and without its call's start."""
    reception = Reception()
    phone = RealPhone(real)
    async with (
        listening(reception) as server,
        Cable(server.port) as cable,
        connected_out(real, cable.port, app, per_call=per_call),
    ):
        await phone.call(app)
        await until(lambda: reception.of_type(StasisStart))
        start = reception.of_type(StasisStart)[0]
        cable.cut()
        await until(lambda: len(reception.sockets) == 2 and reception.frames[1])
        assert await is_echoed(reception, reception.sockets[1], start.application)
        await phone.hang_up()
        await until(lambda: reception.of_type(StasisEnd))

    assert reception.types(1)[:2] == ["ApplicationRegistered", "ChannelUserevent"]
    assert len(reception.of_type(StasisStart)) == 1


async def test_away_at_first(real: Asterisk, app: str) -> None:
    """Before we first came calls of a persistent socket wait, and come after the greeting."""
    reception = Reception()
    phone = RealPhone(real)
    port = choose_free_port()
    async with connected_out(real, port, app):
        await phone.call(app)
        await asyncio.sleep(1)
        assert await stasis_status(real) == ""
        async with listening(reception, port=port):
            await until(lambda: reception.frames and len(reception.frames[0]) == 2)
            await phone.hang_up()

    assert reception.types(0)[:2] == ["ApplicationRegistered", "StasisStart"]


async def test_away_between(real: Asterisk, app: str) -> None:
    """Once we have been there they wait as well, but come before the greeting."""
    reception = Reception()
    phone = RealPhone(real)
    port = choose_free_port()
    async with connected_out(real, port, app):
        async with listening(reception, port=port):
            await until(lambda: reception.frames and reception.frames[0])
        await phone.call(app)
        await asyncio.sleep(1)
        assert await stasis_status(real) == ""
        async with listening(reception, port=port):
            await until(lambda: len(reception.frames) == 2 and len(reception.frames[1]) == 2)
            await phone.hang_up()

    assert reception.types(1)[:2] == ["StasisStart", "ApplicationRegistered"]


@pytest.mark.parametrize("mid_call", [False, True])
async def test_away_per_call(real: Asterisk, app: str, mid_call: bool) -> None:
    """Without us a call that has its own socket goes back to the dialplan as FAILED."""
    reception = Reception()
    phone = RealPhone(real)
    port = choose_free_port()
    async with connected_out(real, port, app, per_call=True):
        if mid_call:
            async with listening(reception, port=port):
                await phone.call(app)
                await until(lambda: reception.of_type(StasisStart))
        else:
            await phone.call(app)
        async with asyncio.timeout(5):
            while await stasis_status(real) == "":
                await asyncio.sleep(0.05)
        assert await stasis_status(real) == "FAILED"
        await phone.hang_up()


async def test_wrong_password(real: Asterisk, app: str) -> None:
    """Asterisk takes a 401 for a server that is away, and tries again for ever."""
    reception = Reception()
    async with (
        listening(reception) as server,
        connected_out(real, server.port, app, password="wrong"),
    ):
        await until(lambda: server.refused >= 3)
    assert reception.sockets == []


async def test_false_greeting(real: Asterisk, app: str) -> None:
    """Once a client of ARI has had the application, a greeting is no proof of it any more."""
    reception = Reception()
    async with (
        listening(reception) as server,
        Cable(server.port) as cable,
        connected_out(real, cable.port, app),
    ):
        await until(lambda: reception.frames and reception.frames[0])
        async with connect(real, app):
            await until(lambda: len(reception.frames[0]) == 2)
        await asyncio.sleep(0.2)
        cable.cut()
        await until(lambda: len(reception.frames) == 2 and reception.frames[1])

        assert reception.types(0) == ["ApplicationRegistered", "ApplicationReplaced"]
        assert reception.types(1) == ["ApplicationRegistered"]
        assert await is_known(real, app) == 404
        with pytest.raises(UnknownOutcome):
            await reception.sockets[1].send(PING, 0.5)


async def is_known(server: either_pbx.Server, app: str) -> int:
    """Return the status with which Asterisk tells of an application."""
    async with bare_session(server) as session:
        return (await send(session, f"{server.url}/applications/{app}", "GET")).status


async def test_deaf(real: Asterisk, app: str) -> None:
    """A call that is back within 3 s has a new socket, which is deaf once the old one closes.

    It is not greeted; the old one is told of its replacement. Commands are answered for ever.
    """
    reception = Reception()
    phone = RealPhone(real)
    async with (
        listening(reception) as server,
        connected_out(real, server.port, app, per_call=True),
    ):
        await phone.call(app)
        await until(lambda: reception.of_type(StasisStart))
        first = reception.of_type(StasisStart)[0]
        again = "context=probe&extension=s&priority=1"
        path = f"channels/{quote(first.channel.id)}/continue?{again}"
        assert (await reception.sockets[0].send(Request("POST", path), 2.0)).status == 204
        await until(lambda: len(reception.of_type(StasisStart)) == 2)

        assert reception.types(0)[-1] == "ApplicationReplaced"
        assert reception.types(1) == ["StasisStart"]
        assert reception.of_type(StasisStart)[1].application == first.application
        assert await is_echoed(reception, reception.sockets[1], first.application)
        await until(lambda: reception.ended == [0])
        assert not await is_echoed(reception, reception.sockets[1], first.application)
        await phone.hang_up()


async def test_stop(asterisk_installation: Installation, app: str) -> None:
    """A stopping Asterisk ends its calls and cuts its sockets, without a close frame."""
    reception = Reception()
    async with listening(reception) as server:
        url = f"ws://127.0.0.1:{server.port}{PATH}"
        names = CREDENTIALS.username, CREDENTIALS.password
        settings = Settings(outbound=(OutboundSocket("out", url, *names, (app,)),))
        async with Asterisk(asterisk_installation, settings=settings) as asterisk:
            await until(lambda: reception.frames and reception.frames[0])
            await asterisk.stop()
            await until(lambda: reception.ended == [0])
            assert reception.sockets[0].close_code == 1006
            await asterisk.start()
            await until(lambda: len(reception.sockets) == 2)


def choose_free_port() -> int:
    """Return a port on which nobody listens yet."""
    return choose_port(socket.SOCK_STREAM)
