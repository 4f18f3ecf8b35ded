"""G6. An echo proves the link: an open socket that carries nothing is noticed, not believed.

Asterisk answers pings and commands on sockets whose application is gone, stuck or deaf. Only an
event of our own that comes back says that events come; one is sent after each connect and every
few seconds from then on.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest

from ari_line import FAKE, FAKE_INBOUND, FAKE_PERSISTENT, PER_CALL, REAL, on
from ari_serving import Desk, until
from dialogari.ari import LinkState, echo, link, outbound
from dialogari.ari.testing import FakeAsterisk, Fault
from dialogari.sandbox.asterisk import Asterisk

if TYPE_CHECKING:
    from ari_line import Line

pytestmark = pytest.mark.usefixtures("short_echo", "short_requests")


@on(*FAKE)
async def test_silent_socket(line: Line) -> None:
    """A socket on which everything works but events is doubted, and believed once they come."""
    async with line.one_call() as visit:
        session = visit.call.session
        line.fake.swallow_user_events()
        await until(lambda: session.state is LinkState.CONNECTING)
        await visit.call.answer()
        line.fake.heal()
        await until(lambda: session.state is LinkState.READY)

        assert not visit.desk.cancelled


@on(FAKE_INBOUND, FAKE_PERSISTENT)
async def test_stuck_application(line: Line) -> None:
    """So is one whose application got stuck, as in asterisk issue 2170; calls outlive it."""
    async with line.one_call() as visit:
        session = visit.call.session
        line.fake.stick(session.application)
        await until(lambda: session.state is LinkState.CONNECTING)
        line.fake.heal()
        await until(lambda: session.state is LinkState.READY)

        assert not visit.desk.cancelled
        await visit.call.answer()


@on(*REAL)
async def test_asterisk_that_stands_still(line: Line) -> None:
    """An Asterisk that stands still keeps its sockets open: the link notices all the same."""
    assert isinstance(line.server, Asterisk)
    async with line.one_call() as visit:
        session = visit.call.session
        os.kill(line.server.pid, signal.SIGSTOP)
        try:
            await until(lambda: session.state is LinkState.CONNECTING)
        finally:
            os.kill(line.server.pid, signal.SIGCONT)
        await until(lambda: session.state is LinkState.READY)

        assert not visit.desk.cancelled
        await visit.call.answer()


@on(*PER_CALL)
async def test_deaf_socket(line: Line) -> None:
    """A call that is soon back has a socket that goes deaf: its end is found out all the same.

    Asterisk closes the socket of the first visit after three seconds, and with it the ears of the
    second one; commands are answered for ever.
    """
    desk = Desk()
    async with line.serving(desk.hold):
        phone = await line.call()
        first = await desk.first()
        if isinstance(line.server, FakeAsterisk):
            caller = line.server.call(first.id)
            await first.session.channels.continue_in_dialplan(first.id)
            await caller.left()
            await caller.enter_stasis(line.app)
        else:
            await first.session.channels.continue_in_dialplan(
                first.id, context="probe", extension="s", priority=1
            )
        await until(lambda: len(desk.calls) == 2)
        second = desk.calls[1]
        session = second.session
        await until(lambda: session.state is LinkState.READY)
        await until(lambda: session.state is LinkState.CONNECTING)
        await second.answer()
        await asyncio.sleep(0.5)
        assert second.gone is None
        if not line.is_real:  # 22.10 takes eight seconds to close the socket of such a call
            await phone.hang_up()
            await second.wait_until_gone()
            await until(lambda: second in desk.cancelled)


@on(FAKE_INBOUND)
async def test_queue_is_no_dead_link(line: Line) -> None:
    """Commands that take their time do not keep the echo waiting."""
    async with line.one_call() as visit, asyncio.TaskGroup() as tasks:
        line.fake.inject(Fault(path="channels", delay=0.3))
        listing = [tasks.create_task(visit.call.session.channels.list()) for _ in range(20)]
        await asyncio.wait(listing)

        assert visit.call.session.state is LinkState.READY
        assert visit.call.session.generation == 1


@pytest.fixture
def short_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each link proven several times a second."""
    monkeypatch.setattr(link, "ECHO_INTERVAL", 0.2)
    monkeypatch.setattr(outbound, "ECHO_INTERVAL", 0.2)
    monkeypatch.setattr(outbound, "CALL_ECHO_INTERVAL", 0.2)
    monkeypatch.setattr(echo, "ECHO_TIMEOUT", 0.3)
