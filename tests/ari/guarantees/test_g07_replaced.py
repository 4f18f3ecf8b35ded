"""G7. Who has the application taken away stops and says so; it is never taken back by force.

Where we connect to Asterisk, ApplicationReplaced ends the client: `serve` raises it once the
running handlers have ended, which they do over HTTP. Where Asterisk connects to us the event means
nothing by itself, since a reload of Asterisk sends it too: the echo tells.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import either_pbx
from ari_line import FAKE_PER_CALL, FAKE_PERSISTENT, INBOUND, PERSISTENT, REAL_PERSISTENT, on, ready
from ari_serving import Desk, back_in_the_dialplan, unexpected, until
from dialogari.ari import ApplicationReplaced, Client, LinkState, echo, outbound

if TYPE_CHECKING:
    from ari_line import Line


async def expect_replacement(client: Client, desk: Desk) -> None:
    """Serve until another client takes over."""
    with pytest.raises(ApplicationReplaced):
        await client.serve(desk.hold, resumed=unexpected)


@on(*INBOUND)
async def test_inbound(line: Line) -> None:
    """Running calls end well, new ones are the other's, and it is not fought."""
    desk = Desk()
    async with line.client() as client, asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(expect_replacement(client, desk))
        await client.wait_until_ready()
        phone = await line.call()
        call = await desk.first()
        async with either_pbx.connect(line.server, line.app) as thief:
            await until(lambda: client.session.state is LinkState.REPLACED)
            await call.set_variables({"A": "1"})
            await line.call()
            await thief.event("StasisStart")
            desk.go.set()
            await back_in_the_dialplan(phone, call)
            await serving

            assert desk.cancelled == []
            assert desk.calls == [call]
            assert "ApplicationReplaced" not in await thief.listen()
        with pytest.raises(ApplicationReplaced):
            await client.serve(desk.hold)


@on(*PERSISTENT)
async def test_persistent(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A persistent link that is robbed is doubted, and nothing is taken back."""
    monkeypatch.setattr(outbound, "ECHO_INTERVAL", 0.1)
    monkeypatch.setattr(echo, "ECHO_TIMEOUT", 0.3)
    async with line.one_call() as visit:
        session = visit.call.session
        async with either_pbx.connect(line.server, line.app) as thief:
            await until(lambda: session.state is LinkState.CONNECTING)
            await visit.call.answer()
            visit.desk.go.set()
            await back_in_the_dialplan(visit.phone, visit.call)

            assert "ApplicationReplaced" not in await thief.listen()
        assert session.state is LinkState.CONNECTING
        assert visit.desk.cancelled == []


@on(FAKE_PERSISTENT, FAKE_PER_CALL)
async def test_word_of_it_is_not_believed(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    """Where Asterisk connects to us, the event alone changes nothing."""
    async with line.one_call() as visit:
        session = visit.call.session
        await line.fake.send(session.application, {"type": "ApplicationReplaced"})
        await visit.call.answer()
        await asyncio.sleep(0.1)

        assert session.state is LinkState.READY
        assert session.generation == 1
        assert not visit.desk.cancelled
        assert "application_taken_over" not in caplog.messages


@on(REAL_PERSISTENT)
async def test_reload(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    """A reload with one more application tells us so though we keep ours: calls come as before."""
    caplog.set_level("INFO")
    desk = Desk()
    async with line.serving(desk.hold) as client:
        await ready(client.session)
        await line.have_it_connect(f"{line.app}-more")
        await until(lambda: "ari_application_replaced" in caplog.messages)
        await line.call()
        await desk.first()

        assert client.session.state is LinkState.READY
        assert client.session.generation == 1
