"""What FakeAsterisk does on demand that a real Asterisk does only on a bad day."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from dialogari.ari.models import StasisStart, UnknownEvent, decode_event
from dialogari.ari.testing import FakeAsterisk, Fault
from either_pbx import QUIET, bare_session, connect, send

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from either_pbx import Client

APP = "my-app"
SET = {"variable": "A", "value": "1"}


@pytest_asyncio.fixture
async def fake() -> AsyncGenerator[FakeAsterisk]:
    """A FakeAsterisk without faults."""
    async with FakeAsterisk() as running:
        yield running


@pytest_asyncio.fixture
async def client(fake: FakeAsterisk) -> AsyncGenerator[Client]:
    """A client connected to it."""
    async with connect(fake, APP) as connected:
        yield connected


async def test_turn(fake: FakeAsterisk, client: Client) -> None:
    """A test sees what was set, in its order, and when the call has been sent on."""
    call = await fake.enter_stasis(APP, ["UNIQUEID=1"], {"USER_INPUT": "hello"})
    url = f"channels/{call.id}"
    assert call.in_stasis

    await client.send("POST", f"{url}/variable", {"variable": "AI_STATUS", "value": ""})
    bulk = {"variables": {"AI_RESPONSE": "hi", "AI_STATUS": "ok"}}
    await client.send("POST", f"{url}/variables", bulk)
    await client.send("POST", f"{url}/continue")
    await call.left()

    assert list(call.variables.items()) == [("AI_RESPONSE", "hi"), ("AI_STATUS", "ok")]
    assert call.given == {"USER_INPUT": "hello"}
    assert not call.in_stasis
    assert not call.hung_up
    assert fake.calls == [call]


async def test_next_turn(fake: FakeAsterisk, client: Client) -> None:
    """The dialplan may send the same channel again; it still has what was set before."""
    call = await fake.enter_stasis(APP, ["N=1"])
    await client.send("POST", f"channels/{call.id}/variable", SET)
    await client.send("POST", f"channels/{call.id}/continue")
    await call.left()

    await call.enter_stasis(APP, ["N=2"])
    second = await client.event("StasisStart", number=2)
    kept = await client.send("GET", f"channels/{call.id}/variable", variable="A")

    assert second["channel"]["id"] == call.id
    assert second["args"] == ["N=2"]
    assert call.variables == {}
    assert kept.body == {"value": "1"}


async def test_call_without_application(fake: FakeAsterisk) -> None:
    """Stasis() fails at once when no client is connected."""
    call = await fake.enter_stasis(APP)

    assert not call.in_stasis


async def test_call_that_stays(fake: FakeAsterisk, client: Client) -> None:
    """Waiting for a call that nobody sends on ends with TimeoutError."""
    call = await fake.enter_stasis(client.app)

    with pytest.raises(TimeoutError):
        await call.left(0.05)


@pytest.mark.parametrize("code", [None, 1000, 1011])
async def test_dropped_socket(fake: FakeAsterisk, client: Client, code: int | None) -> None:
    """All events sockets can be cut, or closed with a code; calls stay in Stasis."""
    call = await fake.enter_stasis(APP)

    await fake.drop(code=code)

    # 1006 is what a client says of a connection that ended without a close frame.
    assert await client.closed() == (code or 1006)
    assert call.in_stasis
    assert fake.applications == [APP]


async def test_down(fake: FakeAsterisk, client: Client) -> None:
    """While it is down connections are refused and cut; afterwards its address is the same."""
    url = f"{fake.url}/asterisk/ping"
    call = await fake.enter_stasis(APP)
    async with bare_session(fake) as session:
        async with fake.down():
            await client.closed()
            with pytest.raises(aiohttp.ClientConnectorError):
                await send(session, url, "GET")
            await call.hang_up()
        answer = await send(session, url, "GET")
        channels = await send(session, f"{fake.url}/channels", "GET")

    assert answer.status == 200
    assert channels.body == []
    assert fake.applications == []


@pytest.mark.parametrize("over_socket", [True, False])
async def test_slow_answer(fake: FakeAsterisk, client: Client, over_socket: bool) -> None:
    """An answer can be slow; on the socket it holds up the ones after it."""
    fake.inject(Fault(path="asterisk/ping", delay=0.2, times=1))
    started = time.monotonic()

    if over_socket:
        answer = await client.command(request_id="1", method="GET", uri="asterisk/ping")
    else:
        answer = await client.send("GET", "asterisk/ping")

    assert answer is not None
    assert answer.status == 200
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize("over_socket", [True, False])
async def test_answer_that_never_comes(
    fake: FakeAsterisk, client: Client, over_socket: bool
) -> None:
    """A command may be carried out without an answer: its outcome is unknown to the client."""
    call = await fake.enter_stasis(APP)
    fake.inject(Fault(method="POST", path="channels/*/continue", silent=True))

    if over_socket:
        uri = f"channels/{call.id}/continue"
        assert await client.command(request_id="1", method="POST", uri=uri) is None
    else:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(QUIET):
                await client.send("POST", f"channels/{call.id}/continue")
    await call.left()
    await client.event("StasisEnd")
    fake.heal()

    assert (await client.send("POST", f"channels/{call.id}/continue")).status == 409


async def test_impatient_client(fake: FakeAsterisk, client: Client) -> None:
    """A client that gives up on a slow answer loses no event."""
    call = await fake.enter_stasis(APP)
    fake.inject(Fault(path="channels/*/continue", delay=0.2))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client.send("POST", f"channels/{call.id}/continue")

    await client.event("StasisEnd")


async def test_failing_set(fake: FakeAsterisk, client: Client) -> None:
    """A command can fail a number of times without being carried out."""
    call = await fake.enter_stasis(APP)
    fake.inject(Fault(method="POST", path="channels/*/variable", status=500, times=2))

    answers = [await client.send("POST", f"channels/{call.id}/variable", SET) for _ in range(3)]

    assert [answer.status for answer in answers] == [500, 500, 204]
    assert answers[0].body == {"error": "Allocation failed"}
    assert call.variables == {"A": "1"}


@pytest.mark.parametrize("events_first", [True, False])
async def test_order_of_answer_and_events(
    fake: FakeAsterisk, client: Client, events_first: bool
) -> None:
    """An event may come before the answer that belongs to it, or after."""
    call = await fake.enter_stasis(APP)
    fake.inject(Fault(path="channels/*", events_first=events_first))

    await client.command(request_id="1", method="DELETE", uri=f"channels/{call.id}")
    seen = await client.listen()

    ends = ["ChannelHangupRequest", "StasisEnd"]
    assert seen[1:] == ([*ends, "RESTResponse"] if events_first else ["RESTResponse", *ends])


async def test_usual_order(fake: FakeAsterisk, client: Client) -> None:
    """Unless told otherwise a set is told before its answer, an end after it."""
    call = await fake.enter_stasis(APP)
    shared = {"method": "POST", "content_type": "application/json", "request_id": "1"}

    set_body = '{"variable":"A","value":"1"}'
    await client.command(**shared, uri=f"channels/{call.id}/variable", message_body=set_body)
    await client.command(**shared, uri=f"channels/{call.id}/continue", message_body="{}")
    seen = await client.listen()

    assert seen[1:] == ["ChannelVarset", "RESTResponse", "RESTResponse", "StasisEnd"]


async def test_unknown_event(fake: FakeAsterisk, client: Client) -> None:
    """Any event can be sent, such as one that no model knows."""
    await fake.send(APP, {"type": "Novelty", "x": 1})

    event = await client.event("Novelty")

    assert event["application"] == APP
    assert isinstance(decode_event(json.dumps(event)), UnknownEvent)


async def test_zombie_socket(fake: FakeAsterisk, client: Client) -> None:
    """User events can be swallowed while their sender is told 204."""
    fake.swallow_user_events()

    answer = await client.send("POST", "events/user/x", application=APP)
    seen = await client.listen()
    fake.heal()
    await client.send("POST", "events/user/x", application=APP)
    await client.event("ChannelUserevent")

    assert answer.status == 204
    assert seen == []


async def test_stolen_application(fake: FakeAsterisk, client: Client) -> None:
    """Another client may take the application over: calls go there, the first one is silent."""
    await fake.replace(APP)
    call = await fake.enter_stasis(APP)

    assert await client.listen() == ["ApplicationReplaced"]
    assert call.in_stasis


async def test_old_asterisk() -> None:
    """Without the newer abilities it is as silent and refuses as an older Asterisk does."""
    async with (
        FakeAsterisk(rest_over_websocket=False, bulk_variables=False) as old,
        connect(old, APP) as client,
    ):
        call = await old.enter_stasis(APP)
        bulk = await client.send("POST", f"channels/{call.id}/variables", {"variables": {}})
        events = await client.send("GET", "api-docs/events.json")
        channels = await client.send("GET", "api-docs/channels.json")
        info = await client.send("GET", "asterisk/info")
        answer = await client.command(request_id="1", method="GET", uri="asterisk/ping")

    assert (bulk.status, bulk.message) == (404, "Resource not found")
    assert "RESTRequest" not in events.body["models"]
    assert [entry["path"] for entry in channels.body["apis"]] == ["/channels"]
    assert info.body["system"]["version"] == "16.28.0"
    assert answer is None


async def test_events_decode(fake: FakeAsterisk) -> None:
    """What it sends are events as the models know them."""
    async with (
        bare_session(fake) as session,
        session.ws_connect(f"{fake.url}/events?app={APP}") as socket,
    ):
        call = await fake.enter_stasis(APP, ["a,b", "¿qué?"])
        event = decode_event((await socket.receive(1.0)).data)

    assert isinstance(event, StasisStart)
    assert event.channel == call.channel
    assert event.args == ["a,b", "¿qué?"]
    assert event.extra() == {}
