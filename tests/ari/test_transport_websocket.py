"""The events socket: events as they come, commands beside them, and its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ari_serving import read_socket, server_of, until
from dialogari.ari import Server, Unauthorized, UnknownOutcome, Unreachable
from dialogari.ari.models import ChannelUserevent
from dialogari.ari.request import Request
from dialogari.ari.testing import FakeAsterisk, Fault
from dialogari.ari.transport.websocket import EventSocket, open_event_socket

PING = Request("GET", "asterisk/ping", repeatable=True)
APP = "my-app"


async def test_refused(fake: FakeAsterisk) -> None:
    """A wrong password has an error of its own."""
    with pytest.raises(Unauthorized):
        async with open_event_socket(Server(fake.url, "fake", "wrong"), APP):
            pytest.fail("it connected")


async def test_no_application(fake: FakeAsterisk) -> None:
    """Any other refusal, such as of an empty name, says its status."""
    with pytest.raises(Unreachable, match="HTTP 400"):
        async with open_event_socket(server_of(fake), ""):
            pytest.fail("it connected")


async def test_events(fake: FakeAsterisk) -> None:
    """Events come whole and in order, be one of them of megabytes."""
    events: list[Any] = []
    async with read_socket(server_of(fake), APP, events):
        for text in ("1", "2" * 3_000_000, "3"):
            await fake.send(APP, user_event(text))
        await until(lambda: len(events) == 3)

    assert all(isinstance(event, ChannelUserevent) for event in events)
    assert [event.userevent["text"][:1] for event in events] == ["1", "2", "3"]


async def test_too_long_for_it(fake: FakeAsterisk) -> None:
    """A command that Asterisk would close the socket for is not sent."""
    async with read_socket(server_of(fake), APP, []) as connected:
        with pytest.raises(Unreachable):
            await connected.send(Request("POST", "channels/1/variable", b"x" * 70_000), 1.0)

        assert (await connected.send(PING, 1.0)).status == 200


async def test_overdue(fake: FakeAsterisk) -> None:
    """While an answer is overdue it says so, until one comes."""
    fake.inject(Fault(path="asterisk/ping", delay=0.2, times=1))
    async with read_socket(server_of(fake), APP, []) as connected:
        assert not connected.overdue
        with pytest.raises(UnknownOutcome):
            await connected.send(PING, 0.05)
        assert connected.overdue
        await until(lambda: not connected.overdue)


@pytest.mark.parametrize("code", [None, 1000, 1011])
async def test_end(fake: FakeAsterisk, code: int | None) -> None:
    """Its frames end when it does, whatever the reason; then the code can be read."""
    async with open_event_socket(server_of(fake), APP) as connected:
        await fake.drop(code=code)
        frames: list[bytes] = []
        await connected.read(frames.append)

        assert frames == []
        assert connected.close_code == (code or 1006)


async def test_unread(fake: FakeAsterisk) -> None:
    """Once nobody reads its frames it takes no command, and those that wait are told at once."""
    fake.inject(Fault(path="asterisk/ping", silent=True, times=1))
    async with open_event_socket(server_of(fake), APP) as connected, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(expect_unknown(connected))
        reading = tasks.create_task(connected.read(lambda _: None))
        await asyncio.sleep(0.05)
        reading.cancel()
        async with asyncio.timeout(1.0):
            await waiting
        with pytest.raises(Unreachable, match="nobody reads"):
            await connected.send(PING, 1.0)


async def expect_unknown(connected: EventSocket) -> None:
    """Send a command whose answer nobody will bring."""
    with pytest.raises(UnknownOutcome):
        await connected.send(PING, 5.0)


async def test_cut(fake: FakeAsterisk) -> None:
    """A command that is sent into a socket that has just died may have been carried out."""
    async with open_event_socket(server_of(fake), APP) as connected:
        await fake.drop()
        with pytest.raises(UnknownOutcome):
            await connected.send(PING, 1.0)


def user_event(text: str) -> dict[str, Any]:
    """Return an event with this text in it."""
    return {"type": "ChannelUserevent", "eventname": "x", "userevent": {"text": text}}
