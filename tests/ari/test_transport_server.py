"""The server that Asterisk connects to: who comes in, who does not, and what it costs."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ari_serving import until
from dialogari.ari.transport import server as server_module
from dialogari.ari.transport.server import (
    Credentials,
    Door,
    EventSocketServer,
    accept_event_sockets,
)
from outbound import CREDENTIALS, PATH, Reception, basic, listening
from tls_certificate import self_signed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from dialogari.ari.transport.websocket import EventSocket

EVENT = (
    '{"type":"ApplicationRegistered","application":"a","timestamp":"2026-01-01T00:00:00.000+0000"}'
)


RIGHT = basic(f"{CREDENTIALS.username}:{CREDENTIALS.password}")


@asynccontextmanager
async def client(
    server: EventSocketServer, *authorization: str, path: str = PATH, **options: Any
) -> AsyncGenerator[ClientConnection]:
    """Connect as somebody who sends these headers."""
    async with connect(
        f"{options.pop('scheme', 'ws')}://127.0.0.1:{server.port}{path}",
        additional_headers=[("Authorization", value) for value in authorization],
        subprotocols=options.pop("subprotocols", ["ari"]),
        close_timeout=1,
        proxy=None,
        **options,
    ) as connection:
        yield connection


async def status(server: EventSocketServer, *authorization: str, **options: Any) -> int:
    """Return the status with which somebody is refused; 101: not at all."""
    try:
        async with client(server, *authorization, **options):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


@pytest.mark.parametrize(
    "authorization",
    [
        [],
        [basic("asterisk:wrong")],
        [basic("other:pa:ss; wörd")],
        [basic("asterisk:pa:ss; wörd", "Bearer")],
        [basic("asterisk")],
        [basic("")],
        ["Basic"],
        ["Basic !!!"],
        ["Basic \xff\xfe"],
        [RIGHT, RIGHT],
        [f"{RIGHT}AAAA"],
    ],
)
async def test_refused(authorization: list[str]) -> None:
    """Without the one right header nobody comes in, nor learns whether the path exists."""
    reception = Reception()
    async with listening(reception) as server:
        assert await status(server, *authorization) == 401
        assert await status(server, *authorization, path="/other") == 401

        assert server.refused == 2
    assert reception.sockets == []


@pytest.mark.parametrize("right", [RIGHT, RIGHT.replace("Basic", "basic"), f"{RIGHT} "])
async def test_accepted(right: str) -> None:
    """With it one comes in, and may have a query in the address."""
    reception = Reception()
    async with listening(reception) as server:
        assert await status(server, right, path=f"{PATH}?x=1") == 101
        assert server.refused == 0
    assert len(reception.sockets) == 1


async def test_wrong_path() -> None:
    """Another path is 404."""
    async with listening(Reception()) as server:
        assert await status(server, RIGHT, path="/") == 404
        assert await status(server, RIGHT, path=f"{PATH}/") == 404


@pytest.mark.parametrize(("offered", "spoken"), [(None, None), (["x", "ari"], "ari")])
async def test_subprotocol(offered: Any, spoken: str | None) -> None:
    """The subprotocol is Asterisk's; one who offers none may come in too."""
    async with (
        listening(Reception()) as server,
        client(server, RIGHT, subprotocols=offered) as connection,
    ):
        assert connection.subprotocol == spoken
        assert connection.protocol.extensions == []


async def test_other_subprotocol() -> None:
    """One who only speaks something else, such as Asterisk's media, is refused."""
    async with listening(Reception()) as server:
        assert await status(server, RIGHT, subprotocols=["media"]) == 400
        assert server.refused == 1


async def test_no_websocket(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no websocket's handshake is refused, and ends."""
    monkeypatch.setattr(server_module, "OPEN_TIMEOUT", 0.5)
    async with listening(Reception()) as server:
        for request in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\xff\r\n\r\n", b"\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(request)
            async with asyncio.timeout(3):
                answer = await reader.read()
            writer.close()
            assert answer == b"" or re.match(rb"HTTP/1.[01] 40[01] ", answer)
        await until(lambda: server.refused == 3)


async def test_frames() -> None:
    """Frames come as they are, one of megabytes and a binary one among them."""
    reception = Reception()
    long = EVENT.replace('"a"', f'"{"a" * 5_000_000}"')
    async with listening(reception) as server, client(server, RIGHT) as connection:
        for frame in (EVENT, long, EVENT.encode()):
            await connection.send(frame)
        await until(lambda: len(reception.frames[0]) == 3)

    assert reception.frames == [[EVENT.encode(), long.encode(), EVENT.encode()]]


async def test_huge_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame over the limit ends that socket with 1009, and no other."""
    monkeypatch.setattr(server_module, "LARGEST_EVENT", 1000)
    reception = Reception()
    async with (
        listening(reception) as server,
        client(server, RIGHT) as other,
        client(server, RIGHT) as connection,
    ):
        await connection.send("x" * 1001)
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        assert connection.close_code == 1009
        await until(lambda: reception.ended == [1])
        await other.send(EVENT)
        await until(lambda: reception.frames[0])


async def test_half_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handshake has a limit of time; so many may be under way, and those over it end at once."""
    monkeypatch.setattr(server_module, "OPEN_TIMEOUT", 0.5)
    monkeypatch.setattr(server_module, "MOST_OPENING", 2)
    async with listening(Reception()) as server:
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        async with asyncio.timeout(0.3):
            assert await reader.read() == b""
        assert server.refused == 1

        async with asyncio.timeout(2):
            for waiting, _ in silent:
                assert await waiting.read() == b""
        await until(lambda: server.refused == 3)
        assert await status(server, RIGHT) == 101
        for _, sender in [*silent, (reader, writer)]:
            sender.close()


async def test_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A refusal is logged once, every one is counted, and after a success it is logged anew."""
    async with listening(Reception()) as server:
        for _ in range(3):
            await status(server, basic("asterisk:wrong"))
        assert refusals(caplog) == ["http_401"]
        await status(server, RIGHT, path="/")
        assert refusals(caplog) == ["http_401", "http_404"]
        await status(server, RIGHT)
        await status(server, basic("asterisk:wrong"))
        assert refusals(caplog) == ["http_401", "http_404", "http_401"]
        assert server.refused == 5


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the reasons that were logged."""
    return [
        vars(record)["reason"] for record in caplog.records if record.msg == "ari_socket_refused"
    ]


async def test_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """No password is logged at any level, right or wrong, nor shown."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets.client").setLevel(logging.WARNING)
    async with listening(Reception()) as server:
        await status(server, RIGHT)
        await status(server, basic("asterisk:wrong"))
        logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)

        for secret in (CREDENTIALS.password, RIGHT, basic("asterisk:wrong")):
            assert secret not in logged
        assert CREDENTIALS.password not in repr(CREDENTIALS)
        assert CREDENTIALS.password not in repr(vars(server))


async def test_failing_receiver(caplog: pytest.LogCaptureFixture) -> None:
    """A fault of whoever has a socket ends that one with 1011, is logged, and ends no other."""
    reception = Reception()

    async def receive(socket: EventSocket) -> None:
        if reception.sockets:
            raise ZeroDivisionError
        await reception.receive(socket)

    async with (
        accept_event_sockets(Door("127.0.0.1", 0, CREDENTIALS, PATH), receive) as server,
        client(server, RIGHT) as first,
        client(server, RIGHT) as second,
    ):
        await second.wait_closed()
        assert second.close_code == 1011
        await first.send(EVENT)
        await until(lambda: reception.frames[0])
    assert [record.msg for record in caplog.records] == ["ari_socket_failed"]


async def test_end() -> None:
    """At the end every socket is closed with 1001, and new ones are not taken."""
    reception = Reception()
    async with listening(reception) as server:
        connection = await client(server, RIGHT).__aenter__()
        await until(lambda: reception.sockets)
    await connection.wait_closed()

    assert connection.close_code == 1001
    assert reception.ended == [0]
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_stubborn_receiver() -> None:
    """One who does not notice the end is cancelled."""
    cancelled = asyncio.Event()
    taken = asyncio.Event()

    async def receive(_: EventSocket) -> None:
        taken.set()
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    async with accept_event_sockets(Door("127.0.0.1", 0, CREDENTIALS, PATH), receive) as server:
        connection = await client(server, RIGHT).__aenter__()
        await taken.wait()
    assert cancelled.is_set()
    await connection.close()


async def test_tls(tmp_path: Path) -> None:
    """With a certificate it speaks TLS, and nothing else."""
    reception = Reception()
    trusting = ssl.create_default_context(cafile=None)
    context = self_signed(tmp_path)
    trusting.load_verify_locations(tmp_path / "server.pem")
    trusting.check_hostname = False
    async with listening(reception, tls=context) as server:
        assert await status(server, RIGHT, scheme="wss", ssl=trusting) == 101
        with pytest.raises(Exception, match=r"did not receive a valid HTTP response|EOF|reset"):
            await status(server, RIGHT)
    assert len(reception.sockets) == 1


def test_match() -> None:
    """Credentials are compared as bytes, whatever letters they have."""
    odd = Credentials("ñ", "")

    assert odd.match(basic("ñ:"))
    assert not odd.match(basic("ñ: "))
    assert not odd.match("")
