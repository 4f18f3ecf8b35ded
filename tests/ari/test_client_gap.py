"""What a gap in the events costs: nothing, for the calls that outlive it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from ari_serving import (
    Desk,
    disallow,
    ready_again,
    server_of,
    serving,
    until,
)
from cable import Cable
from dialogari.ari import Call, GoneReason, LinkState
from dialogari.ari.testing import FakeAsterisk, Fault
from either_pbx import RealPhone

if TYPE_CHECKING:
    from dialogari.sandbox.asterisk import Asterisk

pytestmark = pytest.mark.usefixtures("short_grace")


async def test_call_that_left_in_the_gap(fake: FakeAsterisk, app: str) -> None:
    """A call that is in the dialplan again is no longer ours, though its channel is there."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client:
        call = await fake.enter_stasis(app)
        await desk.first()
        async with fake.down():
            await call.leave()
        await until(lambda: client.calls == 0)

    assert desk.calls[0].gone is GoneReason.ABSENT


async def test_call_that_comes_during_the_snapshot(fake: FakeAsterisk, app: str) -> None:
    """A snapshot that is older than a call does not say that the call has ended."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client:
        fake.inject(Fault(path="channels", delay=0.2, times=1))
        await fake.drop()
        await until(lambda: client.session.state is LinkState.CONNECTING)
        await enter_once_connected(fake, app)
        await until(lambda: client.session.state is LinkState.READY)
        await asyncio.sleep(0.05)

        assert desk.cancelled == []
        assert client.calls == 1


async def enter_once_connected(fake: FakeAsterisk, app: str) -> None:
    """Let a call enter as soon as the new socket has been proven, or nearly so."""
    while app not in fake.applications:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.1)
    await fake.enter_stasis(app)


async def test_release_that_spans_a_gap(fake: FakeAsterisk, app: str) -> None:
    """A handler that has sent its call back is not cancelled because the call is away."""
    desk = Desk()

    async def handle(call: Call) -> None:
        await call.continue_in_dialplan()
        await desk.hold(call)

    async with serving(fake, app, handle) as client:
        await disallow(client, app, "StasisEnd")
        await (await fake.enter_stasis(app)).left()
        await desk.first()
        await fake.drop()
        await ready_again(client)
        await asyncio.sleep(0.05)

        assert desk.cancelled == []
        desk.go.set()


async def test_running_call_in_quotes(real: Asterisk, app: str) -> None:
    """Such a call survives a gap as any other."""
    phone = RealPhone(real)
    desk = Desk()
    async with Cable(urlsplit(real.url).port or 0) as cable:
        server = replace(server_of(real), url=f"http://127.0.0.1:{cable.port}/ari")
        async with serving(server, app, desk.hold) as client:
            await phone.call(f'"{app}"')
            call = await desk.first()
            cable.cut()
            await ready_again(client)

            assert call.gone is None
            await phone.hang_up()
            await until(lambda: desk.cancelled)
