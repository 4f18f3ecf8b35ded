"""Sockets that Asterisk opens to an application's server, on FakeAsterisk and on a real one."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from bare_server import Server, connected
from dialogari.ari.testing import FakeAsterisk, Outbound
from either_pbx import LIMIT, QUIET, FakePhone, Phone, bare_session, connect, send

if TYPE_CHECKING:
    from aiohttp.typedefs import LooseHeaders


@pytest.fixture
def app() -> str:
    """An application's name that no other test has."""
    return f"app-{secrets.token_hex(4)}"


async def test_handshake(phone: Phone, app: str) -> None:
    """Asterisk says who it is by a Basic header, and speaks `ari`; nothing else of it is told."""
    async with connected(phone, app) as server:
        await server.told(0, 1)

    (request,) = server.handshakes
    headers: LooseHeaders = request.headers
    assert str(request.rel_url) == "/x?q=1"
    assert headers["Authorization"] == "Basic dXNlcjpzZTpjcmV0"
    assert headers["Sec-WebSocket-Protocol"] == "ari"
    assert {"Host", "Upgrade", "Connection", "Sec-WebSocket-Version"} <= set(headers)
    assert not {"Origin", "User-Agent", "Sec-WebSocket-Extensions"} & set(headers)
    assert server.frames[0][0]["application"] == app


async def test_persistent(phone: Phone, app: str) -> None:
    """One socket has the events of all calls, and takes commands."""
    async with connected(phone, app) as server:
        await server.told(0, 1)
        await phone.call(app)
        await server.told(0, 2)
        channel = server.frames[0][1]["channel"]["id"]
        answer = await server.command(0, "POST", f"channels/{channel}/continue")
        kinds = set(await server.told(0, 4))

    assert answer["status_code"] == 204
    assert answer["application"] == app
    assert kinds == {"ApplicationRegistered", "StasisStart", "RESTResponse", "StasisEnd"}


async def test_away_and_back(phone: Phone, app: str) -> None:
    """While the server is away calls enter and events wait; on its return they come first."""
    async with connected(phone, app) as server:
        await server.told(0, 1)
        await server.close()
        await asyncio.sleep(QUIET)  # what is sent at the moment of the break is lost
        await phone.call(app)
        await asyncio.sleep(QUIET)
        await phone.hang_up()
        await server.open()
        kinds = await server.told(1, 4)

    assert kinds == [
        *("StasisStart", "ChannelHangupRequest", "StasisEnd"),
        "ApplicationRegistered",
    ]


async def test_not_yet_there(phone: Phone, app: str) -> None:
    """Before the first connection events wait too, and come after ApplicationRegistered."""
    async with connected(phone, app, begin=False) as server:
        await phone.call(app)
        await server.open()
        kinds = await server.told(0, 2)

    assert kinds == ["ApplicationRegistered", "StasisStart"]


async def test_taken_over(phone: Phone, app: str) -> None:
    """A client that connects to Asterisk takes the application away."""
    async with connected(phone, app) as server:
        await server.told(0, 1)
        async with connect(phone.server, app) as client:
            await phone.call(app)
            await client.event("StasisStart")
            kinds = await server.told(0, 2)

    assert kinds == ["ApplicationRegistered", "ApplicationReplaced"]


async def test_per_call(phone: Phone, app: str) -> None:
    """Each call has a socket, and an application that is named after its channel."""
    async with connected(phone, app, per_call=True) as server:
        await phone.call(app)
        await server.told(0, 2)
        registered, start = server.frames[0][:2]
        channel = start["channel"]
        answer = await server.command(0, "GET", "applications")
        await server.command(0, "POST", f"channels/{channel['id']}/continue")
        kinds = await server.told(0, 5)
        socket = server.sockets[0]
        await server.until(lambda: socket.closed)

    assert registered["application"] == start["application"] == f"{app}:{channel['name']}"
    assert channel["dialplan"]["app_data"].startswith(f"{app},one")
    names = [known["name"] for known in json.loads(answer["message_body"])]
    assert f"{app}:{channel['name']}" in names
    assert kinds[:2] == ["ApplicationRegistered", "StasisStart"]
    assert set(kinds[2:]) == {"RESTResponse", "StasisEnd"}
    assert socket.close_code == 1000


async def test_per_call_lost(phone: Phone, app: str) -> None:
    """A call whose socket breaks gets another one at once, without a second StasisStart."""
    async with connected(phone, app, per_call=True) as server:
        await phone.call(app)
        await server.told(0, 2)
        channel = server.frames[0][1]["channel"]["id"]
        await server.sockets[0].close()
        await server.told(1, 1)
        answer = await server.command(1, "POST", f"channels/{channel}/continue")
        kinds = await server.told(1, 3)

    assert answer["status_code"] == 204
    assert set(kinds) == {"ApplicationRegistered", "RESTResponse", "StasisEnd"}
    assert kinds[0] == "ApplicationRegistered"


@pytest.mark.parametrize("away", ["refuses", "is not there"])
async def test_per_call_without_a_server(phone: Phone, app: str, away: str) -> None:
    """A call that gets no socket goes on in the dialplan, as FAILED."""
    async with connected(phone, app, per_call=True, begin=away == "refuses") as server:
        server.refuse = True
        await phone.call(app)
        async with bare_session(phone.server) as session:
            url = f"{phone.server.url}/channels"
            async with asyncio.timeout(2 * LIMIT):
                while "Wait" not in [
                    channel["dialplan"]["app_name"]
                    for channel in (await send(session, url, "GET")).body
                    if not channel["name"].endswith(";1")
                ]:
                    await asyncio.sleep(0.01)
            known = await send(session, f"{phone.server.url}/applications", "GET")

    assert server.sockets == []
    assert app not in [application["name"] for application in known.body]


async def test_per_call_lost_for_good(phone: Phone, app: str) -> None:
    """A call whose server does not come back goes on in the dialplan too."""
    async with connected(phone, app, per_call=True) as server:
        await phone.call(app)
        await server.told(0, 2)
        path = f"{phone.server.url}/channels/{server.frames[0][1]['channel']['id']}"
        await server.close()
        async with bare_session(phone.server) as session, asyncio.timeout(2 * LIMIT):
            while (await send(session, path, "GET")).body["dialplan"]["app_name"] != "Wait":
                await asyncio.sleep(0.01)
            late = await send(session, f"{path}/answer", "POST")

    assert late.status == 409


async def test_false_greeting(phone: Phone, app: str) -> None:
    """Once a client has had the application, a greeting is no proof of it any more."""
    async with connected(phone, app) as server:
        await server.told(0, 1)
        async with connect(phone.server, app):
            await server.told(0, 2)
        await asyncio.sleep(QUIET)
        await server.sockets[0].close()
        kinds = await server.told(1, 1)
        async with bare_session(phone.server) as session:
            known = await send(session, f"{phone.server.url}/applications/{app}", "GET")

    assert kinds == ["ApplicationRegistered"]
    assert known.status == 404


async def test_deaf(phone: Phone, app: str) -> None:
    """A call that is soon back has a new socket, ungreeted, and deaf once the old one closes."""
    async with connected(phone, app, per_call=True) as server:
        if isinstance(phone, FakePhone):
            phone.server.extensions["probe", "s"] = (app, ("one",))
        await phone.call(app)
        await server.told(0, 2)
        start = server.frames[0][1]
        target = "context=probe&extension=s&priority=1"
        await server.command(0, "POST", f"channels/{start['channel']['id']}/continue?{target}")
        kinds = await server.told(1, 1)
        old = server.sockets[0]
        await server.until(lambda: old.closed)
        await server.command(1, "POST", f"events/user/x?application={quote(start['application'])}")
        await asyncio.sleep(QUIET)
        seen = await server.told(1, 2)

    assert server.frames[0][-1]["type"] == "ApplicationReplaced"
    assert server.frames[1][0]["application"] == start["application"]
    assert kinds == ["StasisStart"]
    assert seen == ["StasisStart", "RESTResponse"]


async def test_levers(fake: FakeAsterisk, app: str) -> None:
    """A test sees STASISSTATUS, and can cut the sockets, or close them with a code."""
    server = Server()
    await server.open()
    out = Outbound(f"ws://127.0.0.1:{server.port}/", "u", "p", (app,), per_call=True)
    await fake.connect_out(out)

    call = await fake.enter_stasis(app)
    inside = call.in_stasis
    await fake.drop()
    await server.told(1, 1)
    await fake.drop(code=1011)
    await server.told(2, 1)
    await call.hang_up()
    await server.told(2, 3)
    await server.close()
    failed = await fake.enter_stasis(app)

    assert inside
    assert [socket.close_code for socket in server.sockets[:2]] == [1006, 1011]
    assert call.stasis_status == "SUCCESS"
    assert not failed.in_stasis
    assert failed.stasis_status == "FAILED"
