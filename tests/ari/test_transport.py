"""Commands over HTTP and over the events socket: what arrives, and what is said when it doesn't."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest

from ari_serving import read_socket, server_of
from dialogari.ari import Server, UnknownOutcome, Unreachable, parse_url
from dialogari.ari.request import Request
from dialogari.ari.testing import FakeAsterisk, Fault
from dialogari.ari.transport.http import HttpTransport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.ari.transport import Transport

PING = Request("GET", "asterisk/ping", repeatable=True)
ONCE = Request("POST", "channels/nobody/continue")
NOBODY = Request("GET", "channels/nobody", repeatable=True)
APP = "my-app"


@asynccontextmanager
async def open_transport(kind: str, server: Server) -> AsyncGenerator[Transport]:
    """Open one of the transports."""
    opened = HttpTransport(server) if kind == "http" else read_socket(server, APP, [])
    async with opened as transport:
        yield transport


@pytest.fixture(params=["http", "websocket"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each transport."""
    return request.param


async def test_answer(fake: FakeAsterisk, kind: str) -> None:
    """A command's answer comes back, whatever its status."""
    async with open_transport(kind, server_of(fake)) as transport:
        good = await transport.send(PING, 1.0)
        bad = await transport.send(NOBODY, 1.0)

    assert good.status == 200
    assert b'"pong"' in good.body
    assert (bad.status, bad.body) == (404, b'{"message":"Channel not found"}')


async def test_body(fake: FakeAsterisk, kind: str) -> None:
    """A command's body arrives byte by byte."""
    words = 'ñ😀"\\\n' * 2000
    async with (
        read_socket(server_of(fake), APP, []),
        open_transport(kind, server_of(fake)) as transport,
    ):
        call = await fake.enter_stasis(APP)
        body = msgspec.json.encode({"variable": "A", "value": words})
        await transport.send(Request("POST", f"channels/{call.id}/variable", body), 1.0)

    assert call.variables == {"A": words}


async def test_many_at_once(fake: FakeAsterisk, kind: str) -> None:
    """Each of many commands gets its own answer."""
    async with open_transport(kind, server_of(fake)) as transport:
        names = [f"nobody-{number}" for number in range(100)]
        requests = [Request("GET", f"channels/{name}") for name in names]
        answers = await asyncio.gather(*(transport.send(r, 5.0) for r in (*requests, PING)))

    assert [answer.status for answer in answers] == [404] * 100 + [200]


async def test_no_answer(fake: FakeAsterisk, kind: str) -> None:
    """Without an answer in time the outcome is unknown, and the next command works."""
    fake.inject(Fault(path="channels/*", silent=True, times=1))
    async with open_transport(kind, server_of(fake)) as transport:
        with pytest.raises(UnknownOutcome, match="POST channels/nobody/continue"):
            await transport.send(ONCE, 0.1)

        assert (await transport.send(ONCE, 1.0)).status == 404


async def test_cut(fake: FakeAsterisk, kind: str) -> None:
    """When the connection breaks the outcome is unknown, at once."""
    fake.inject(Fault(path="channels/*", silent=True, times=1))
    started = time.monotonic()
    async with (
        open_transport(kind, server_of(fake)) as transport,
        asyncio.TaskGroup() as tasks,
    ):
        waiting = tasks.create_task(expect_unknown(transport))
        await asyncio.sleep(0.1)
        async with fake.down():
            await waiting

    assert time.monotonic() - started < 2.0


async def expect_unknown(transport: Transport) -> None:
    """Send a command whose answer does not come."""
    with pytest.raises(UnknownOutcome):
        await transport.send(ONCE, 5.0)


async def test_cancelled_command(fake: FakeAsterisk, kind: str) -> None:
    """A command that is given up does not disturb the next one, even by its late answer."""
    fake.inject(Fault(path="asterisk/ping", delay=0.2, times=1))
    async with open_transport(kind, server_of(fake)) as transport:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await transport.send(PING, 5.0)

        assert (await transport.send(NOBODY, 1.0)).status == 404


async def test_nobody_there(kind: str) -> None:
    """Where nothing listens, nothing was executed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server = Server(f"http://127.0.0.1:{port}/ari", "user", "secret")

    with pytest.raises(Unreachable, match="ConnectionRefusedError"):
        async with open_transport(kind, server) as transport:
            await transport.send(PING, 1.0)


async def test_no_http(kind: str) -> None:
    """A server that speaks something else is an error of ours, not a crash."""

    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as mail:
        port = mail.sockets[0].getsockname()[1]
        server = Server(f"http://127.0.0.1:{port}/ari", "user", "secret")

        with pytest.raises((Unreachable, UnknownOutcome)):
            async with open_transport(kind, server) as transport:
                await transport.send(PING, 1.0)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:8088", "http://127.0.0.1:8088/ari"),
        ("http://127.0.0.1:8088/ari", "http://127.0.0.1:8088/ari"),
        (" http://127.0.0.1:8088/ari/ ", "http://127.0.0.1:8088/ari"),
        ("https://pbx.example.org/asterisk", "https://pbx.example.org/asterisk/ari"),
        ("http://[::1]:8088", "http://[::1]:8088/ari"),
        ("http://ñandú.example", "http://ñandú.example/ari"),
    ],
)
def test_address(text: str, url: str) -> None:
    """The address is found whether `/ari` was written or not."""
    assert parse_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1:8088",
        "ftp://pbx",
        "http://",
        "http://user:secret@pbx",
        "http://pbx?api_key=x",
        "http://pbx#x",
        "http://pbx:0",
        "http://pbx:99999",
        "http://pbx:port",
        "http://[::1",
        "http://one/ari http://two/ari",
        "http://my pbx",
        "http://pbx..example",
    ],
)
def test_wrong_address(text: str) -> None:
    """What can't be the address of one server is refused with a reason."""
    with pytest.raises(ValueError, match=r"."):
        parse_url(text)


def test_secret() -> None:
    """A server's repr keeps the password to itself; its header carries it (RFC 7617)."""
    server = Server("http://127.0.0.1:8088/ari", "Aladdin", "open sesame")

    assert "sesame" not in repr(server)
    assert server.authorization == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


@pytest.mark.parametrize(
    ("url", "expected"),
    [("http://pbx/ari", "ws://pbx/ari"), ("https://pbx/ari", "wss://pbx/ari")],
)
def test_websocket_address(url: str, expected: str) -> None:
    """Where commands are encrypted, events are too."""
    assert Server(url, "", "").websocket_url == expected
