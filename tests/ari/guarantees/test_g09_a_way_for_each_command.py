"""G9. Each command takes the way that fits it: the events socket, or a few connections of HTTP.

The socket is quicker, but carries 60 kB at most, no file, and one command after the other. Lists,
files and what takes its time go over HTTP where there is one: at most ten connections, since
Asterisk counts each of them. Where Asterisk connects to us there is only the socket, and what that
can't carry is refused in so many words.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ari_line import FAKE_INBOUND, INBOUND, OLDEST, OUTBOUND, REAL_INBOUND, Way, on
from ari_serving import until
from dialogari.ari import Call, Unreachable
from dialogari.ari.testing import Fault
from either_pbx import LIMIT

if TYPE_CHECKING:
    from ari_line import Line


@on(FAKE_INBOUND, REAL_INBOUND)
async def test_over_the_socket(line: Line) -> None:
    """Commands to a call go over the socket, the list of channels over HTTP."""
    async with line.one_call() as visit:
        await visit.call.answer()
        await visit.call.set_variables({"A": "1"})
        await visit.call.get_variable("A")
        await visit.call.session.channels.list()

        assert line.commands("/answer") == line.commands("/variable") == []
        assert line.commands("/ari/channels ")


@on(OLDEST)
async def test_over_http(line: Line) -> None:
    """An Asterisk that takes no commands on the socket has them over HTTP."""
    async with line.one_call() as visit:
        await visit.call.answer()

        assert line.commands("/answer")


@on(FAKE_INBOUND, REAL_INBOUND)
async def test_socket_that_fails(line: Line) -> None:
    """While the socket is down commands go over HTTP: a handler does not notice."""
    async with line.one_call() as visit:
        for _ in range(20):
            line.cable.cut()
            await visit.call.get_variable("GIVEN")
        assert line.commands("/variable")


@on(*INBOUND)
async def test_few_connections(line: Line) -> None:
    """However many commands wait, they take few of the connections that Asterisk has."""
    async with line.one_call() as visit:
        if not line.is_real:
            line.fake.inject(Fault(path="channels", delay=0.1))
        most = 0
        listing = [asyncio.ensure_future(visit.call.session.channels.list()) for _ in range(60)]
        while not all(task.done() for task in listing):
            most = max(most, line.cable.connections)
            await asyncio.sleep(0.001)
        await asyncio.gather(*listing)

        assert 1 < most <= 10


async def test_long_variables(line: Line) -> None:
    """What does not fit one command is split over several; each value arrives whole."""
    values = {f"LONG_{number}": f"{number}ñ" * 6_000 for number in range(5)}
    async with line.one_call() as visit:
        await visit.call.set_variables({**values, "LAST": "1"})
        await applied(visit.call, "LAST")

        assert {name: await visit.call.get_variable(name) for name in values} == values


async def applied(call: Call, name: str) -> None:
    """Wait until what was set can be read: an Asterisk before 20.10 takes up to 200 ms."""
    async with asyncio.timeout(LIMIT):
        while await call.get_variable(name) is None:
            await asyncio.sleep(0.01)


async def test_too_long(line: Line) -> None:
    """A value that nothing can carry is refused, and harms neither the link nor the call."""
    async with line.one_call() as visit:
        with pytest.raises(Unreachable, match="too long"):
            await visit.call.set_variables({"A": '"' * 38_000 + "x" * 38_000})
        await visit.call.answer()

        assert visit.call.session.generation == 1


@on(REAL_INBOUND, OLDEST, *OUTBOUND)
async def test_file(line: Line) -> None:
    """A recording's file comes over HTTP, or it is said that there is none."""
    async with line.one_call() as visit:
        session = visit.call.session
        async with visit.call.recording(line.app) as recording:
            await until(lambda: recording.recording and recording.recording.state == "recording")
        if line.way is Way.INBOUND:
            assert (await session.recordings.get_stored_file(line.app)).startswith(b"RIFF")
            return
        if not line.is_real:
            line.fake.inject(Fault(path="recordings/stored/*/file", status=406, message=" "))
        with pytest.raises(Unreachable, match="only HTTP"):
            await session.recordings.get_stored_file(line.app)
