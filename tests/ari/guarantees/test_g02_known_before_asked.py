"""G2. What we make has an id of ours, and we listen before we ask for it: no event is missed.

Asterisk tells of a new channel or playback before it answers the command, more often than not. An
id that only the answer brings would be too late.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ari_line import FAKE, on
from ari_serving import until
from dialogari.ari import PlaybackEnd
from dialogari.ari.models import PlaybackFinished, PlaybackStarted, StasisStart
from dialogari.ari.testing import Fault

if TYPE_CHECKING:
    from ari_line import Line

UP = "Local/up@line/n"
TIMES = 5


async def test_originate(line: Line) -> None:
    """A call of ours is in our application when its scope begins, however early it entered."""
    async with line.one_call() as visit:
        session = visit.call.session
        async with session.listen(types=(StasisStart,)) as starts:
            ids: list[str] = []
            for _ in range(TIMES):
                async with session.originate(UP) as other:
                    ids.append(other.id)
                    assert other.channel.state == "Up"
            assert [(await anext(starts)).channel.id for _ in ids] == ids
        assert visit.client.calls == 1


async def test_several_at_once(line: Line) -> None:
    """Calls of ours that are made at once are told apart by their ids."""
    async with line.one_call() as visit, asyncio.TaskGroup() as tasks:

        async def call_out() -> str:
            async with visit.call.session.originate(UP) as other:
                await other.set_variables({"A": "1"})
                return other.id

        made = [tasks.create_task(call_out()) for _ in range(TIMES)]
        await asyncio.wait(made)

        assert len({task.result() for task in made}) == TIMES
        assert visit.client.calls == 1


async def test_play(line: Line) -> None:
    """A playback's start and end are heard, under the id that we chose."""
    async with (
        line.one_call() as visit,
        visit.call.listen(PlaybackStarted, PlaybackFinished) as events,
    ):
        async with visit.call.playing("digits:1") as playback:
            assert await playback.wait() is PlaybackEnd.DONE
        told = [await anext(events), await anext(events)]

        assert [type(event) for event in told] == [PlaybackStarted, PlaybackFinished]
        assert {event.playback.id for event in told} == {playback.id}


@on(*FAKE)
@pytest.mark.parametrize("events_first", [True, False])
async def test_events_before_the_answer(line: Line, events_first: bool) -> None:
    """Whichever comes first, the event or the answer, all goes the same."""
    line.fake.inject(Fault("POST", "*", events_first=events_first, delay=0.05))
    async with line.one_call() as visit:
        session = visit.call.session
        async with session.originate(UP) as other, session.bridge() as bridge:
            await bridge.add(visit.call, other)
            await until(lambda: len(bridge.channels) == 2)
            assert await bridge.play("digits:1") is PlaybackEnd.DONE
        async with visit.call.recording(line.app) as recording:
            await until(lambda: recording.recording and recording.recording.state == "recording")
        assert (await recording.wait()).state == "done"
