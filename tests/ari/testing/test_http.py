"""FakeAsterisk answers over HTTP as a real Asterisk does: each check runs on both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aiohttp
import msgspec
import pytest

from dialogari.ari.models import AsteriskInfo, AsteriskPing
from either_pbx import bare_session, send

if TYPE_CHECKING:
    from either_pbx import Client, Phone


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("asterisk/ping", 401, "Authentication required"),
        ("nonsense", 401, "Authentication required"),
        ("asterisk/ping?api_key={}:wrong", 401, "Authentication required"),
        ("asterisk/ping?api_key={}:{}", 200, None),
    ],
)
async def test_credentials(phone: Phone, path: str, status: int, message: str | None) -> None:
    """Without the right credentials nothing is told, not even which paths there are."""
    server = phone.server
    async with bare_session(server, login=False) as session:
        url = f"{server.url}/{path.format(server.username, server.password)}"

        answer = await send(session, url, "GET")

    assert answer.status == status
    assert message is None or answer.message == message


@pytest.mark.parametrize(
    ("query", "login", "status"),
    [("app=x", False, 401), ("", True, 400), ("app=", True, 400), ("app=x", True, 101)],
)
async def test_handshake(phone: Phone, query: str, login: bool, status: int) -> None:
    """The events socket wants credentials and an application."""
    async with bare_session(phone.server, login=login) as session:
        try:
            async with session.ws_connect(f"{phone.server.url}/events?{query}") as socket:
                assert socket.close_code is None
                opened = 101
        except aiohttp.WSServerHandshakeError as error:
            opened = error.status

    assert opened == status


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "nonsense", 404, "Resource not found"),
        ("GET", "channels/x/nonsense", 404, "Resource not found"),
        ("DELETE", "asterisk/ping", 405, "Invalid method"),
        ("PUT", "channels", 405, "Invalid method"),
        ("GET", "applications/nobody", 404, "Application not found"),
        ("PUT", "applications/nobody/eventFilter", 404, "Application not found"),
        ("POST", "events/user/x?application=nobody", 404, "Application not found"),
        ("POST", "events/user/x", 400, "Missing parameter application"),
        ("GET", "channels/none", 404, "Channel not found"),
        ("DELETE", "channels/none", 404, "Channel not found"),
        ("POST", "channels/none/continue", 404, "Channel not found"),
        ("POST", "channels/none/variable?variable=A&value=1", 404, "Channel not found"),
        ("GET", "channels/none/variable?variable=A", 404, "Provided channel was not found"),
        ("GET", "events?app=x", 426, None),
    ],
)
async def test_refusals(
    phone: Phone, method: str, path: str, status: int, message: str | None
) -> None:
    """What can't be done is refused with Asterisk's own statuses and words."""
    async with bare_session(phone.server) as session:
        answer = await send(session, f"{phone.server.url}/{path}", method)

    assert answer.status == status
    assert message is None or answer.message == message


async def test_information(phone: Phone) -> None:
    """The server tells its version and name, whole or by section, and answers a ping."""
    async with bare_session(phone.server) as session:
        url = f"{phone.server.url}/asterisk"
        whole = await send(session, f"{url}/info", "GET")
        part = await send(session, f"{url}/info?only=system,config", "GET")
        ping = await send(session, f"{url}/ping", "GET")

    info = msgspec.convert(whole.body, AsteriskInfo)
    assert info.build is not None
    assert info.status is not None
    assert info.config is not None
    assert info.config.name
    assert info.system is not None
    assert info.system.version
    assert set(part.body) == {"system", "config"}
    assert msgspec.convert(ping.body, AsteriskPing).ping == "pong"


async def test_descriptions_show_features(phone: Phone) -> None:
    """The API descriptions tell that commands go over the socket, and variables in bulk."""
    async with bare_session(phone.server) as session:
        url = f"{phone.server.url}/api-docs"
        events = await send(session, f"{url}/events.json", "GET")
        channels = await send(session, f"{url}/channels.json", "GET")

    assert {"Event", "RESTRequest", "RESTResponse"} <= set(events.body["models"])
    paths = {entry["path"] for entry in channels.body["apis"]}
    assert {"/channels", "/channels/{channelId}/variables"} <= paths


async def test_body_that_is_no_json(phone: Phone, client: Client) -> None:
    """A broken body is refused, one too long too, and one that is not called JSON is ignored."""
    url = f"{phone.server.url}/events/user/x?application={client.app}"
    called_json = {"Content-Type": "application/json"}
    long = json.dumps({"variables": {"a": "x" * 41_000}})

    answers = [
        await client.session.post(url, data="{nope", headers=called_json),
        await client.session.post(url, data=long, headers=called_json),
        await client.session.post(url, data="{nope", headers={"Content-Type": "text/plain"}),
    ]

    assert [answer.status for answer in answers] == [400, 413, 204]
    assert await answers[0].json() == {"message": "Error parsing request body"}
    assert await answers[1].json() == {"message": "Request body too large"}
