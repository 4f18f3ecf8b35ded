"""G13. FakeAsterisk does as Asterisk does, on good days and on bad ones.

Every test of these guarantees runs on both, except where a fault can be had on one alone; here
the two are put side by side, and FakeAsterisk's faults one after the other are met by a program.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ari_line import FAKE, Line, Place, on, open_line
from ari_serving import until
from dialogari.ari import AriError, Call
from dialogari.ari.models import ChannelDtmfReceived, Event
from dialogari.ari.testing import Fault
from either_pbx import LIMIT, STEPS

if TYPE_CHECKING:
    from dialogari.sandbox.asterisk import Asterisk

BAD_DAYS = [
    Fault("POST", silent=True, times=2),
    Fault("POST", cut=True, times=1),
    Fault("POST", "channels/*", status=500, times=2),
    Fault("POST", "channels/*", status=503, message="Asterisk not booted", times=2),
    Fault("POST", "channels/*", status=409, message="Channel with given unique ID already exists",
          times=1),
]  # fmt: skip


async def a_visit(line: Line) -> list[str]:
    """Do much with a call; return the types of the events that told of it."""
    async with line.one_call() as visit:
        call, session = visit.call, visit.call.session
        async with session.listen(types=(Event,)) as events:
            await call.answer()
            await call.set_variables({"A": "1"})
            await call.play("digits:1")
            async with session.bridge() as bridge:
                await bridge.add(call)
                await until(lambda: bridge.channels)
                await bridge.remove(call)
                await until(lambda: not bridge.channels)
            async with call.recording(line.app) as recording:
                await until(lambda: recording.recording and recording.recording.state != "queued")
            await recording.wait()
            await call.publish("noted")
            async with call.listen(ChannelDtmfReceived) as keys, asyncio.timeout(LIMIT):
                await visit.phone.press("1")
                await anext(keys)
            await visit.phone.hang_up()
            await call.wait_until_gone()
            told = [type(await anext(events)).__name__ for _ in range(events.waiting)]
    return [name for name in told if name not in STEPS]


@on(*FAKE)
async def test_side_by_side(line: Line, real: Asterisk) -> None:
    """A real Asterisk and the double tell of the same visit by the same events."""
    async with open_line(Place(real, line.way)) as other:
        assert await a_visit(line) == await a_visit(other)


@on(*FAKE)
@pytest.mark.parametrize("fault", BAD_DAYS, ids=str)
@pytest.mark.usefixtures("short_requests", "short_grace")
async def test_bad_day(line: Line, fault: Fault) -> None:
    """Whatever goes wrong with commands, the call is back in the dialplan in the end."""
    came: list[Call] = []

    async def handle(call: Call) -> None:
        came.append(call)
        for step in (call.answer(), call.set_variables({"A": "1"}), call.play("digits:1")):
            try:
                await step
            except AriError:
                await asyncio.sleep(0.01)

    async with line.serving(handle, resumed=handle) as client:
        line.fake.inject(fault)
        await line.call()
        await until(lambda: came)
        await line.fake.call(came[0].id).left()
        await until(lambda: not client.calls)
