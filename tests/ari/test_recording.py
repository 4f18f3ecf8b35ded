"""Recording a call: how it ends, what is kept, and whatever may come between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from ari_serving import Desk, disallow, one_call, server_of, serving, soon, until
from cable import Cable
from dialogari.ari import ChannelGone, Conflict, NotFound, UnknownOutcome
from dialogari.ari.models import RecordingStarted
from dialogari.ari.testing import FakeAsterisk, Fault

if TYPE_CHECKING:
    from either_pbx import Phone


async def test_its_time(phone: Phone, app: str) -> None:
    """A recording ends by itself after its longest duration, and is stored then."""
    async with one_call(phone, app) as (client, call):
        made = await call.record(app, seconds=1, format="ulaw", beep=False)
        stored = await client.session.recordings.get_stored(app)

    assert (made.name, made.state, made.format) == (app, "done", "ulaw")
    assert made.duration is not None
    assert stored.format == "ulaw"


async def test_key(phone: Phone, app: str) -> None:
    """A key ends it."""
    async with one_call(phone, app) as (_, call), asyncio.TaskGroup() as tasks:
        tasks.create_task(soon(phone.press("#")))
        assert (await call.record(app, terminator="#")).state == "done"


async def test_in_the_background(phone: Phone, app: str) -> None:
    """One in a scope can be steered, and is stored at its end."""
    async with one_call(phone, app) as (client, call):
        async with call.recording(app) as recording:
            await until(lambda: recording.recording and recording.recording.state == "recording")
            await recording.pause()
            await recording.unpause()
            await recording.mute()
            await recording.unmute()
        assert (await recording.wait()).state == "done"
        await recording.stop()
        assert (await client.session.recordings.get_stored(app)).name == app


async def test_thrown_away(phone: Phone, app: str) -> None:
    """One that is thrown away is not stored."""
    async with one_call(phone, app) as (client, call):
        async with call.recording(app) as recording:
            await until(lambda: recording.recording and recording.recording.state == "recording")
            await recording.discard()
            assert (await recording.wait()).state == "canceled"
        with pytest.raises(NotFound):
            await client.session.recordings.get_stored(app)


async def test_name_that_is_taken(phone: Phone, app: str) -> None:
    """A second one of the same name is refused and does not disturb the first."""
    async with one_call(phone, app) as (_, call), call.recording(app) as first:
        await until(lambda: first.recording and first.recording.state == "recording")
        with pytest.raises(Conflict):
            await call.record(app)
        await asyncio.sleep(0.1)
        with pytest.raises(TimeoutError):
            await first.wait(0.1)
        await first.stop()
        assert (await first.wait()).state == "done"


async def test_cancelled(phone: Phone, app: str) -> None:
    """It is stopped and stored when its program is cancelled."""
    async with one_call(phone, app) as (client, call), asyncio.TaskGroup() as tasks:
        async with call.listen(RecordingStarted) as events:
            recording = tasks.create_task(call.record(app))
            await anext(events)
        recording.cancel()
        await asyncio.wait({recording})

        assert recording.cancelled()
        assert (await client.session.recordings.get_stored(app)).name == app


async def test_hang_up(phone: Phone, app: str) -> None:
    """A hang-up ends it well; after that there is nothing to record."""
    async with one_call(phone, app) as (client, call), asyncio.TaskGroup() as tasks:
        tasks.create_task(soon(phone.hang_up()))
        assert (await call.record(app)).state == "done"
        await call.wait_until_gone()
        with pytest.raises(ChannelGone):
            await call.record(f"{app}2")
        assert (await client.session.recordings.get_stored(app)).name == app


async def test_in_a_bridge(phone: Phone, app: str) -> None:
    """A channel in a bridge can't be recorded by itself, which is a failure and no error."""
    async with one_call(phone, app) as (client, call), client.session.bridge() as bridge:
        await bridge.add(call)
        made = await call.record(app)

        assert made.state == "failed"
        assert made.cause == "Cannot record channel while in bridge"
        assert (await bridge.record(app, seconds=1)).state == "done"


@pytest.mark.parametrize("kept", [True, False])
async def test_end_that_was_never_told(phone: Phone, app: str, kept: bool) -> None:
    """An end whose event was lost is found once the link is back, and whether it is stored."""
    desk = Desk()
    async with Cable(urlsplit(phone.server.url).port or 0) as cable:
        server = replace(server_of(phone.server), url=f"http://127.0.0.1:{cable.port}/ari")
        async with serving(server, app, desk.hold) as client:
            await phone.call(app)
            call = await desk.first()
            await disallow(client, app, "RecordingFinished")
            async with call.recording(app) as recording:
                await until(lambda: recording.recording and recording.recording.state != "queued")
                recordings = client.session.recordings
                await (recordings.stop(app) if kept else recordings.cancel(app))
                with pytest.raises(TimeoutError):
                    await recording.wait(0.2)
                cable.cut()
                made = await recording.wait()

    assert made.state == ("done" if kept else "failed")
    assert made.duration is None


@pytest.mark.usefixtures("short_requests")
@pytest.mark.parametrize("executed", [True, False])
async def test_lost_answer(fake: FakeAsterisk, app: str, executed: bool) -> None:
    """When the answer is lost, whether it runs is found out."""
    desk = Desk()
    async with serving(fake, app, desk.hold):
        await fake.enter_stasis(app)
        call = await desk.first()
        status = None if executed else 500
        fake.inject(Fault(path="channels/*/record", silent=True, status=status, times=1))
        if executed:
            assert (await call.record(app, seconds=1)).state == "done"
        else:
            with pytest.raises(UnknownOutcome):
                await call.record(app)
