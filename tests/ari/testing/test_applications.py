"""FakeAsterisk keeps applications as a real Asterisk does: each check runs on both."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import msgspec
import pytest

from dialogari.ari.models import Application
from either_pbx import bare_session, call, connect, send

if TYPE_CHECKING:
    import aiohttp

    from either_pbx import Client, Phone


async def test_application_lives_with_its_socket(phone: Phone) -> None:
    """An application is known while a client is connected, and gets what is sent to it."""
    app = f"app-{secrets.token_hex(4)}"
    async with bare_session(phone.server) as session:
        url = f"{phone.server.url}/applications/{app}"
        async with connect(phone.server, app) as client:
            known = await send(session, url, "GET")
            body = {"variables": {"token": "x", "n": 1}}
            sent = await client.send("POST", "events/user/hello", body, application=app)
            event = await client.event("ChannelUserevent")
        await wait_until_unknown(session, url)

    assert msgspec.convert(known.body, Application).name == app
    assert (sent.status, sent.body) == (204, None)
    assert event["application"] == app
    assert event["eventname"] == "hello"
    assert event["userevent"] == {"token": "x", "n": 1, "eventname": "hello"}


async def test_event_about_something(phone: Phone, client: Client) -> None:
    """An event carries the channel and bridge it is about; what is not there is refused."""
    path = await call(phone, client)
    await client.send("POST", f"bridges/{client.app}")
    url, channel = "events/user/x", path.replace("channels/", "channel:")
    bridge = f"bridge:{client.app}"

    body = {"application": client.app, "source": [channel, bridge]}
    sent = await client.send("POST", url, body)
    event = await client.event("ChannelUserevent")
    missing = await client.send("POST", url, {**body, "source": "channel:none"})
    strange = await client.send("POST", url, {**body, "source": "nonsense:x"})
    await client.send("DELETE", f"bridges/{client.app}")

    assert sent.status == 204
    assert f"channel:{event['channel']['id']}" == channel
    assert f"bridge:{event['bridge']['id']}" == bridge
    assert (missing.status, missing.message) == (422, "Event source was not found")
    assert (strange.status, strange.message) == (400, "Invalid event source URI scheme")


async def wait_until_unknown(session: aiohttp.ClientSession, url: str) -> None:
    """Wait for an application to be forgotten; a real one takes some milliseconds."""
    for _ in range(200):
        if (await send(session, url, "GET")).status == 404:
            return
    pytest.fail("the application is still there")


async def test_second_client_takes_over(phone: Phone, client: Client) -> None:
    """A second client of the same application gets its events; the first is told, then silent."""
    async with connect(phone.server, client.app) as second:
        replaced = await client.event("ApplicationReplaced")
        await second.send("POST", f"events/user/hello?application={client.app}")
        await second.event("ChannelUserevent")
        answered = await client.command(request_id="1", method="GET", uri="asterisk/ping")

    assert replaced["application"] == client.app
    assert await client.listen() == ["ApplicationReplaced", "RESTResponse"]
    assert answered is not None
    assert answered.status == 200
    assert not client.socket.closed


async def test_call_outlives_the_socket(phone: Phone) -> None:
    """Without a client a call stays in Stasis and keeps its application; no event is repeated."""
    app = f"app-{secrets.token_hex(4)}"
    async with bare_session(phone.server) as session:
        async with connect(phone.server, app) as first:
            path = await call(phone, first)
        known = await send(session, f"{phone.server.url}/applications/{app}", "GET")
        async with connect(phone.server, app) as second:
            quiet = await second.listen()
            done = await second.send("POST", f"{path}/continue")
            await second.event("StasisEnd")
        await wait_until_unknown(session, f"{phone.server.url}/applications/{app}")

    assert f"channels/{known.body['channel_ids'][0]}" == path
    assert quiet == []
    assert done.status == 204


async def test_dead_application_is_forgotten(phone: Phone) -> None:
    """With its last call an application without a client is forgotten; until then it says 204."""
    app = f"app-{secrets.token_hex(4)}"
    async with bare_session(phone.server) as session:
        async with connect(phone.server, app) as client:
            path = await call(phone, client)
        event = f"{phone.server.url}/events/user/x?application={app}"
        before = await send(session, event, "POST")
        done = await send(session, f"{phone.server.url}/{path}/continue", "POST")
        await wait_until_unknown(session, f"{phone.server.url}/applications/{app}")
        after = await send(session, event, "POST")

    assert [before.status, done.status, after.status] == [204, 204, 404]


async def test_filter_keeps_events_out(phone: Phone, client: Client) -> None:
    """A disallowed type is not sent; an empty filter lets all through again."""
    path = f"{await call(phone, client)}/variable?variable=A&value=1"
    url = f"applications/{client.app}/eventFilter"

    shown = await client.send("PUT", url, {"disallowed": [{"type": "ChannelVarset"}]})
    await client.send("POST", path)
    without = await client.listen()
    cleared = await client.send("PUT", url, {})
    await client.send("POST", path)
    await client.event("ChannelVarset")

    assert shown.body["events_disallowed"] == [{"type": "ChannelVarset"}]
    assert without == ["StasisStart"]
    assert cleared.body["events_disallowed"] == []


async def test_allowing_filter_swallows_answers(client: Client) -> None:
    """A filter by `allowed` also holds back the answers to commands over the socket."""
    url = f"applications/{client.app}/eventFilter"
    await client.send("PUT", url, {"allowed": [{"type": "StasisStart"}]})

    assert await client.command(request_id="1", method="GET", uri="asterisk/ping") is None


async def test_wrong_filter(client: Client) -> None:
    """A filter that is no list of types is refused."""
    answer = await client.send("PUT", f"applications/{client.app}/eventFilter", {"allowed": "x"})

    assert (answer.status, answer.message) == (400, "Invalid format definition")
