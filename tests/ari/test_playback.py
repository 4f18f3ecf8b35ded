"""Playing to a call: to the end, in the background, and whatever may come between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from ari_serving import Desk, disallow, one_call, ready_again, server_of, serving, soon, until
from cable import Cable
from dialogari.ari import (
    ChannelGone,
    InvalidState,
    Playback,
    PlaybackEnd,
    UnknownOutcome,
)
from dialogari.ari.models import PlaybackFinished, PlaybackStarted
from dialogari.ari.testing import FakeAsterisk, Fault
from either_pbx import LIMIT, FakePhone, bare_session
from either_pbx import send as send_to

if TYPE_CHECKING:
    from either_pbx import Phone, Server

SECOND = "sound:silence/1"
LONG = "sound:silence/9"
FOR_EVER = "tone:ring"


async def is_known(server: Server, playback: Playback) -> bool:
    """Ask Asterisk, by a way of the test's own, whether something still plays."""
    url = f"{server.url}/playbacks/{playback.id}"
    async with bare_session(server) as session:
        return (await send_to(session, url, "GET")).status == 200


async def test_to_the_end(phone: Phone, app: str) -> None:
    """`play` returns when all media have been played."""
    async with (
        one_call(phone, app) as (_, call),
        call.listen(PlaybackStarted, PlaybackFinished) as events,
    ):
        ended = await call.play(SECOND, "digits:1")
        told = [(await anext(events)).playback for _ in range(3)]

    assert ended is PlaybackEnd.DONE
    assert [playback.media_uri for playback in told] == [SECOND, "digits:1", "digits:1"]


async def test_say_digits(phone: Phone, app: str) -> None:
    """Digits are said one by one."""
    async with one_call(phone, app) as (_, call), call.listen(PlaybackStarted) as events:
        assert await call.say_digits("12") is PlaybackEnd.DONE
        assert (await anext(events)).playback.media_uri == "digits:12"


async def test_in_the_background(phone: Phone, app: str) -> None:
    """What plays in a scope can be steered, and is stopped at its end."""
    async with one_call(phone, app) as (_, call):
        async with call.playing(LONG) as playback:
            await until(lambda: playback.playback and playback.playback.state == "playing")
            await playback.pause()
            await playback.unpause()
            await playback.forward()
            await playback.reverse()
            await playback.restart()
            assert playback.ended is None
            assert await is_known(phone.server, playback)
        assert playback.ended is PlaybackEnd.STOPPED
        async with asyncio.timeout(LIMIT):
            while await is_known(phone.server, playback):
                await asyncio.sleep(0.01)


async def test_stop(phone: Phone, app: str) -> None:
    """One that is stopped says so, to all who wait; what comes after that does nothing."""
    async with one_call(phone, app) as (_, call):
        async with call.playing(FOR_EVER) as playback, asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(playback.wait()) for _ in range(2)]
            await playback.stop()
            await asyncio.wait(waiting)
            await playback.stop()
            await playback.pause()

        assert [task.result() for task in waiting] == [PlaybackEnd.STOPPED] * 2


@pytest.mark.parametrize("first", [FOR_EVER, "digits:12"])
async def test_stop_with_more_to_come(phone: Phone, app: str, first: str) -> None:
    """No further media follow one that is stopped, or that nobody can stop."""
    if isinstance(phone, FakePhone):
        phone.server.sounds["12"] = 0.7
    async with one_call(phone, app) as (_, call):
        async with call.playing(first, FOR_EVER, FOR_EVER) as playback:
            await until(lambda: playback.playback and playback.playback.state == "playing")
        assert await playback.wait(LIMIT) is PlaybackEnd.STOPPED
        async with asyncio.timeout(LIMIT):  # Asterisk tells the end before it forgets the playback
            while await is_known(phone.server, playback):
                await asyncio.sleep(0.01)


async def test_one_after_the_other(phone: Phone, app: str) -> None:
    """One that waits for its turn can't be steered, but stopped: it is passed over then."""
    async with one_call(phone, app) as (_, call):
        async with call.playing(FOR_EVER):
            async with call.playing(FOR_EVER) as second:
                with pytest.raises(InvalidState):
                    await second.pause()
            assert second.ended is None
        assert await second.wait(LIMIT) is PlaybackEnd.STOPPED


async def test_over_its_time(phone: Phone, app: str) -> None:
    """What plays longer than it may is stopped."""
    async with one_call(phone, app) as (_, call), call.listen(PlaybackFinished) as events:
        with pytest.raises(TimeoutError):
            await call.play(FOR_EVER, seconds=0.3)
        async with asyncio.timeout(LIMIT):
            assert (await anext(events)).playback.media_uri == FOR_EVER


async def test_cancelled(phone: Phone, app: str) -> None:
    """What plays for somebody who is cancelled is stopped, even before Asterisk has answered."""
    async with one_call(phone, app) as (_, call):
        for pause in (0.0, 0.3):
            async with call.listen(PlaybackFinished) as events, asyncio.TaskGroup() as tasks:
                playing = tasks.create_task(call.play(FOR_EVER))
                await asyncio.sleep(pause)
                playing.cancel()
                await asyncio.wait({playing})
                assert playing.cancelled()
                if pause:
                    async with asyncio.timeout(LIMIT):
                        assert (await anext(events)).playback.media_uri == FOR_EVER


async def test_hang_up(phone: Phone, app: str) -> None:
    """A hang-up ends it, and is what the program hears of."""
    async with one_call(phone, app) as (_, call), asyncio.TaskGroup() as tasks:
        tasks.create_task(soon(phone.hang_up()))
        with pytest.raises(ChannelGone) as caught:
            await call.play(FOR_EVER)
        with pytest.raises(ChannelGone):
            await call.play(SECOND)

    assert caught.value.channel_id == call.id


async def test_hang_up_of_which_no_playback_tells(phone: Phone, app: str) -> None:
    """Whatever of the end was not told, nobody waits for it once the call has left."""
    async with one_call(phone, app) as (client, call), asyncio.TaskGroup() as tasks:
        await disallow(client, app, "PlaybackFinished")
        tasks.create_task(soon(phone.hang_up()))
        with pytest.raises(ChannelGone):
            await call.play(FOR_EVER, seconds=LIMIT)


async def test_missing_file(phone: Phone, app: str) -> None:
    """A sound that is not there is a failure, but no error: the call goes on."""
    async with one_call(phone, app) as (_, call):
        assert await call.play("sound:missing") is PlaybackEnd.FAILED
        assert await call.play("sound:missing", "digits:1") is PlaybackEnd.DONE


@pytest.mark.parametrize("media", ["recording:none", "nonsense:x"])
async def test_what_asterisk_forgets(phone: Phone, app: str, media: str) -> None:
    """What Asterisk begins and silently forgets is noticed."""
    async with one_call(phone, app) as (_, call):
        assert await call.play(media, seconds=LIMIT) is PlaybackEnd.UNTOLD


async def test_end_that_a_gap_hides(fake: FakeAsterisk, app: str) -> None:
    """What ended while the link was down has ended; what still plays does."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client, asyncio.TaskGroup() as tasks:
        await fake.enter_stasis(app)
        call = await desk.first()
        fake.sounds["short"] = 0.2
        playing = tasks.create_task(call.play("sound:short"))
        await until(lambda: fake.calls[0].played)
        async with fake.down():
            await asyncio.sleep(0.4)
        assert await playing is PlaybackEnd.UNTOLD

        async with call.playing(FOR_EVER) as playback:
            await fake.drop()
            await ready_again(client)
            await until(lambda: playback.generation == client.session.generation)
            assert playback.ended is None


async def test_end_that_was_never_told(phone: Phone, app: str) -> None:
    """An end whose event was lost is found once the link is back."""
    desk = Desk()
    async with Cable(urlsplit(phone.server.url).port or 0) as cable:
        server = replace(server_of(phone.server), url=f"http://127.0.0.1:{cable.port}/ari")
        async with serving(server, app, desk.hold) as client, asyncio.TaskGroup() as tasks:
            await phone.call(app)
            call = await desk.first()
            await disallow(client, app, "PlaybackFinished")
            async with call.playing("digits:1") as playback:
                waiting = tasks.create_task(playback.wait())
                async with asyncio.timeout(LIMIT):
                    while await is_known(phone.server, playback):
                        await asyncio.sleep(0.01)
                await asyncio.sleep(0.1)
                assert not waiting.done()
                cable.cut()
                assert await waiting is PlaybackEnd.UNTOLD


@pytest.mark.parametrize("events_first", [True, False])
async def test_events_before_the_answer(fake: FakeAsterisk, app: str, events_first: bool) -> None:
    """It may have ended before the answer says that it begins."""
    desk = Desk()
    async with serving(fake, app, desk.hold):
        await fake.enter_stasis(app)
        call = await desk.first()
        fake.inject(Fault(path="channels/*/play/*", events_first=events_first, times=1))
        fake.sounds["nothing"] = 0.0
        assert await call.play("sound:nothing", seconds=LIMIT) is PlaybackEnd.DONE


@pytest.mark.usefixtures("short_requests")
@pytest.mark.parametrize("executed", [True, False])
async def test_lost_answer(fake: FakeAsterisk, app: str, executed: bool) -> None:
    """When the answer is lost, whether it plays is found out."""
    desk = Desk()
    async with serving(fake, app, desk.hold):
        await fake.enter_stasis(app)
        call = await desk.first()
        status = None if executed else 500
        fake.inject(Fault(path="channels/*/play/*", silent=True, status=status, times=1))
        if executed:
            assert await call.play(SECOND, seconds=LIMIT) is PlaybackEnd.DONE
        else:
            with pytest.raises(UnknownOutcome):
                await call.play(SECOND)
