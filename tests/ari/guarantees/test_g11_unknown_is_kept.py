"""G11. What we do not know costs nothing and is not thrown away.

An event of a type, or with a field, that a later Asterisk has invented reaches its listeners whole;
a frame that is no event at all is logged and passed over.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ari_line import FAKE, on
from ari_serving import until
from dialogari.ari import LinkState
from dialogari.ari.models import ChannelDtmfReceived, ChannelUserevent, Event, UnknownEvent
from either_pbx import LIMIT

if TYPE_CHECKING:
    from ari_line import Line

STRAY: list[dict[str, Any]] = [
    {"type": "Novelty"},
    {"type": ""},
    {"type": 7},
    {"no": "type"},
    {"type": "RESTResponse", "request_id": "1"},
    {"type": "StasisEnd", "channel": None},
    {"type": "StasisEnd", "channel": []},
    {"type": "ChannelUserevent", "eventname": "dialogari.echo", "userevent": {}},
]
FRAMES = ["", "null", "[]", "{", '"text"', "7", b"\xff\xfe", "[" * 100_000]


async def test_all_that_comes_is_known(line: Line) -> None:
    """Nothing that these Asterisks say of a call is unknown to us, and no field left over."""
    async with line.one_call() as visit:
        session = visit.call.session
        async with session.listen(types=(Event, UnknownEvent)) as events:
            async with session.originate("Local/up@line/n") as other, session.bridge() as bridge:
                await bridge.add(visit.call, other)
                await until(lambda: bridge.channels)
            await visit.phone.hang_up()
            await visit.call.wait_until_gone()
            told = [await anext(events) for _ in range(events.waiting)]

        assert len(told) > 5
        assert [event for event in told if isinstance(event, UnknownEvent)] == []
        assert [event.extra() for event in told if isinstance(event, Event) and event.extra()] == []


async def test_any_json(line: Line) -> None:
    """What a program publishes comes as it was, whatever JSON it is."""
    odd = {"a": [1, {"b": None}], "ñ😀": 'x"\\\n', "": True, "deep": [[[[0.5]]]]}
    async with line.one_call() as visit, visit.call.listen(ChannelUserevent) as events:
        await visit.call.publish("odd", {"value": odd})
        async with asyncio.timeout(LIMIT):
            event = await anext(events)

        assert event.userevent["value"] == odd


@on(*FAKE)
async def test_unknown_event(line: Line) -> None:
    """An event of an unknown type reaches the listeners of what it is about, with all its data."""
    async with line.one_call() as visit, visit.call.listen(UnknownEvent) as events:
        channel = {"id": visit.call.id, "dialplan": dict[str, str]()}
        await line.fake.send(
            visit.call.session.application, {"type": "Novelty", "channel": channel, "what": [1]}
        )
        async with asyncio.timeout(LIMIT):
            event = await anext(events)

        assert event.type == "Novelty"
        assert event.data["what"] == [1]
        assert event.data["channel"] == channel


@on(*FAKE)
async def test_unknown_field(line: Line) -> None:
    """A field that we do not know is in `extra`, at the top or deeper."""
    async with line.one_call() as visit, visit.call.listen(ChannelDtmfReceived) as events:
        channel = msgspec.to_builtins(line.fake.call(visit.call.id).channel)
        key = {"type": "ChannelDtmfReceived", "digit": "1", "duration_ms": 100}
        await line.fake.send(
            visit.call.session.application, {**key, "channel": {**channel, "mood": "good"}, "n": 1}
        )
        async with asyncio.timeout(LIMIT):
            event = await anext(events)

        assert event.extra() == {"channel": {"mood": "good"}, "n": 1}


@on(*FAKE)
@pytest.mark.parametrize("stray", STRAY, ids=str)
async def test_stray_event(line: Line, stray: dict[str, Any]) -> None:
    """An event that nobody understands ends nothing."""
    async with line.one_call() as visit:
        await line.fake.send(visit.call.session.application, stray)
        await visit.call.publish("after")
        await visit.call.answer()

        assert visit.call.gone is None
        assert visit.call.session.generation == 1


@on(*FAKE)
async def test_frames_that_are_no_events(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    """A frame that is no JSON object is logged without its content, and the next one is read."""
    async with line.one_call() as visit:
        for frame in FRAMES:
            await line.fake.send_frame(visit.call.session.application, frame)
        await visit.call.answer()
        await until(lambda: caplog.messages.count("ari_frame_unreadable") == len(FRAMES))

        assert visit.call.session.state is LinkState.READY
        assert visit.call.session.generation == 1


@on(*FAKE)
async def test_call_of_a_later_asterisk(line: Line) -> None:
    """A call whose StasisStart we cannot read is sent back, rather than left in silence."""
    async with line.one_call() as visit:
        call = line.fake.call(visit.call.id)
        channel = {**msgspec.to_builtins(call.channel), "state": {"of": "a later Asterisk"}}
        application = visit.call.session.application
        start = {"type": "StasisStart", "application": application, "channel": channel}
        await line.fake.send(application, start)

        await call.left()
