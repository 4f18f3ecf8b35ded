"""Commands over HTTP: a pool of connections, and what is sent again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ari_serving import server_of
from dialogari.ari import Server, UnknownOutcome, Unreachable
from dialogari.ari.request import Request
from dialogari.ari.testing import FakeAsterisk, Fault
from dialogari.ari.transport import http
from dialogari.ari.transport.http import HttpTransport
from dialogari.ari.transport.websocket import open_event_socket
from tls_certificate import self_signed

PING = Request("GET", "asterisk/ping", repeatable=True)


async def test_connection_that_died_while_idle(fake: FakeAsterisk) -> None:
    """A repeatable command survives that the server closed the kept connection."""
    async with HttpTransport(server_of(fake)) as transport:
        await transport.send(PING, 1.0)
        async with fake.down():
            pass

        assert (await transport.send(PING, 1.0)).status == 200


async def test_repeats_what_is_repeatable(fake: FakeAsterisk) -> None:
    """One lost answer to a repeatable command is not seen; a second one is."""
    async with HttpTransport(server_of(fake)) as transport:
        fake.inject(Fault(path="asterisk/ping", silent=True, times=1))
        assert (await transport.send(PING, 0.1)).status == 200

        fake.inject(Fault(path="asterisk/ping", silent=True, times=2))
        with pytest.raises(UnknownOutcome):
            await transport.send(PING, 0.1)


async def test_queue_is_no_lost_answer(fake: FakeAsterisk) -> None:
    """The time for an answer counts from when the command is sent, not while it queues."""
    fake.inject(Fault(path="asterisk/ping", delay=0.1))
    async with HttpTransport(server_of(fake), connections=1) as transport:
        answers = await asyncio.gather(*(transport.send(PING, 0.2) for _ in range(5)))

    assert [answer.status for answer in answers] == [200] * 5


async def test_queue_has_a_limit(fake: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that never got a connection was not executed."""
    monkeypatch.setattr(http, "LONGEST_QUEUE", 0.1)
    fake.inject(Fault(path="asterisk/ping", delay=0.4, times=1))
    async with (
        HttpTransport(server_of(fake), connections=1) as transport,
        asyncio.TaskGroup() as tasks,
    ):
        first = tasks.create_task(transport.send(PING, 2.0))
        await asyncio.sleep(0.05)
        with pytest.raises(Unreachable):
            await transport.send(PING, 2.0)

    assert first.result().status == 200


async def test_closed(fake: FakeAsterisk) -> None:
    """After its end nothing is sent any more."""
    async with HttpTransport(server_of(fake)) as transport:
        pass

    with pytest.raises(Unreachable, match="closed"):
        await transport.send(PING, 1.0)


async def test_certificate(tmp_path: Path) -> None:
    """A server whose certificate nobody vouches for gets no command, and no password."""
    came: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read())
        writer.close()

    listening = await asyncio.start_server(take, "127.0.0.1", 0, ssl=self_signed(tmp_path))
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        server = Server(f"https://localhost:{port}/ari", "user", "secret")
        async with HttpTransport(server) as transport:
            with pytest.raises(Unreachable):
                await transport.send(PING, 2.0)
        with pytest.raises(Unreachable):
            async with open_event_socket(server, "app"):
                pass

    assert came == []
