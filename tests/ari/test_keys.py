"""Keys that a caller presses: collected, ended by a key or by time, and none missed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ari_serving import Desk, connect_to, one_call, serving, soon
from dialogari.ari import (
    ApplicationReplaced,
    Call,
    ChannelGone,
    Collected,
    KeysEnd,
    PlaybackEnd,
    Unreachable,
)
from dialogari.ari.models import ChannelDtmfReceived, PlaybackFinished
from dialogari.ari.testing import FakeAsterisk, Fault
from either_pbx import LIMIT

if TYPE_CHECKING:
    from either_pbx import Phone

FOR_EVER = "tone:ring"


async def test_as_many_as_asked_for(phone: Phone, app: str) -> None:
    """No more keys are taken than asked for; the rest is for the next one."""
    async with one_call(phone, app) as (_, call), call.keys() as keys:
        await phone.press("12345")

        assert await keys.collect(2) == Collected("12", KeysEnd.FULL)
        assert await keys.collect(3) == Collected("345", KeysEnd.FULL)


async def test_terminator(phone: Phone, app: str) -> None:
    """A key may end it at once; it is none of the digits. Without one, `#` is a key as any."""
    async with one_call(phone, app) as (_, call), call.keys() as keys:
        await phone.press("12#3*#")

        assert await keys.collect(9) == Collected("12", KeysEnd.TERMINATOR)
        assert await keys.collect(9, terminator="*A") == Collected("3", KeysEnd.TERMINATOR)
        assert await keys.collect(1, terminator="") == Collected("#", KeysEnd.FULL)


async def test_time(phone: Phone, app: str) -> None:
    """What came in time is returned when the next key does not come in time."""
    async with one_call(phone, app) as (_, call), call.keys() as keys:
        assert await keys.collect(4, seconds=0.1) == Collected("", KeysEnd.TIMEOUT)
        await phone.press("7")
        found = await keys.collect(4, seconds=LIMIT, between=0.2)

    assert found == Collected("7", KeysEnd.TIMEOUT)


async def test_collect(phone: Phone, app: str) -> None:
    """The short form waits for keys from now on."""
    async with one_call(phone, app) as (_, call), asyncio.TaskGroup() as tasks:
        tasks.create_task(soon(phone.press("42#")))

        assert await call.collect(4) == "42"


async def test_ask(phone: Phone, app: str) -> None:
    """The first key interrupts the question and counts."""
    async with one_call(phone, app) as (_, call), call.listen(PlaybackFinished) as played:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(soon(phone.press("19")))
            found = await call.ask(FOR_EVER, "digits:0", count=2)
        async with asyncio.timeout(LIMIT):
            assert (await anext(played)).playback.state == PlaybackEnd.DONE

    assert found == Collected("19", KeysEnd.FULL)


async def test_ask_in_vain(phone: Phone, app: str) -> None:
    """Without a key the question is heard to its end, and only then the time begins."""
    async with one_call(phone, app) as (_, call), call.listen(PlaybackFinished) as played:
        found = await call.ask("sound:silence/1", count=2, seconds=0.1)
        assert (await anext(played)).playback.state == PlaybackEnd.DONE

    assert found == Collected("", KeysEnd.TIMEOUT)


async def test_hang_up(phone: Phone, app: str) -> None:
    """A hang-up ends the waiting, in a question or after it."""
    async with one_call(phone, app) as (_, call), asyncio.TaskGroup() as tasks:
        tasks.create_task(soon(phone.hang_up()))
        async with call.keys() as keys:
            with pytest.raises(ChannelGone):
                await call.ask(FOR_EVER, count=1)
            with pytest.raises(ChannelGone):
                await keys.collect(1)
        with pytest.raises(ChannelGone):
            await call.collect(1)


async def test_pressed_before_the_answer(fake: FakeAsterisk, app: str) -> None:
    """A key is not missed that comes before Asterisk has said that it plays."""
    desk = Desk()
    async with serving(fake, app, desk.hold), asyncio.TaskGroup() as tasks:
        entered = await fake.enter_stasis(app)
        call = await desk.first()
        fake.inject(Fault(path="channels/*/play/*", delay=0.3, times=1))
        tasks.create_task(soon(entered.press("8"), 0.1))

        assert (await call.ask(FOR_EVER, count=1)).digits == "8"


async def test_place_taken(fake: FakeAsterisk, app: str) -> None:
    """Keys of a channel that took the call's place are heard, and its end ends the waiting."""
    desk = Desk()
    async with serving(fake, app, desk.hold), asyncio.TaskGroup() as tasks:
        entered = await fake.enter_stasis(app)
        call = await desk.first()
        async with call.keys() as keys, call.listen(ChannelDtmfReceived) as events:
            new = await entered.replace_with()
            await new.press("6")
            assert await keys.collect(1) == Collected("6", KeysEnd.FULL)
            assert (await anext(events)).channel.id == call.id == new.id
            tasks.create_task(soon(new.hang_up()))
            with pytest.raises(ChannelGone):
                await keys.collect(1, seconds=LIMIT)
            assert [event async for event in events] == []


async def test_application_taken_over(fake: FakeAsterisk, app: str) -> None:
    """When no events come any more, nobody waits for keys, and what ends is looked up."""

    async def handle(call: Call) -> None:
        async with call.playing("sound:short"), asyncio.TaskGroup() as tasks:
            tasks.create_task(soon(fake.replace(app)))
            with pytest.raises(Unreachable):
                await call.collect(1)
        ended.append(await call.play("sound:short"))
        with pytest.raises(Unreachable):
            await call.collect(1)

    ended: list[PlaybackEnd] = []
    fake.sounds["short"] = 0.5
    async with connect_to(fake, app) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(soon(fake.enter_stasis(app), 0.2))
        with pytest.raises(ApplicationReplaced):
            await client.serve(handle)

    assert ended == [PlaybackEnd.UNTOLD]
