"""What a caller hears while the model thinks: FILLER_AFTER and FILLER_MEDIA on a real Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from dialogari.app.bridge import Bridge
from dialogari.ari import Listener
from dialogari.ari.models import PlaybackFinished, PlaybackStarted, StasisEnd
from dialogari.config import Settings
from dialogari.sandbox.asterisk import Asterisk
from model_stub import ModelStub
from pbx_fixtures import make_settings, running_bridge
from phone import Phone
from piecewise import callers_of

Heard = PlaybackStarted | PlaybackFinished | StasisEnd
TONE = "tone:420/60,0/1940"
AFTER = 0.4


@pytest.fixture
def settings(
    asterisk: Asterisk, stub: ModelStub, tmp_path: Path, request: pytest.FixtureRequest
) -> Settings:
    """A bridge's settings with a filler, the default one unless a test names another."""
    media = getattr(request, "param", TONE)
    return make_settings(asterisk, stub, tmp_path, filler_after=AFTER, filler_media=media)


@pytest_asyncio.fixture
async def heard(settings: Settings) -> AsyncGenerator[Listener[Heard]]:
    """What Asterisk tells the bridge of playbacks, and of calls that leave."""
    async with running_bridge(settings) as running:
        listener = _session(running).listen(types=(PlaybackStarted, PlaybackFinished, StasisEnd))
        async with listener:
            yield listener


def _session(bridge: Bridge):  # noqa: ANN202 - what the library returns
    client = bridge._client  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - what no page shows
    assert client is not None
    return client.session


@pytest_asyncio.fixture
async def phone(
    asterisk: Asterisk, settings: Settings, heard: Listener[Heard]
) -> AsyncGenerator[Phone]:
    """A telephone whose calls go to that bridge."""
    assert heard
    async with Phone(asterisk, settings.asterisk_app_name) as connected:
        yield connected


def names(heard: Listener[Heard]) -> list[str]:
    """Return the types of what came."""
    return [type(event).__name__ for event in heard.drain()]


async def test_a_slow_answer(phone: Phone, stub: ModelStub, heard: Listener[Heard]) -> None:
    """It plays after the time set, and has ended before the call leaves; the answer is on time."""
    stub.delay = 1.2
    back = await phone.call("hello", "up")

    assert (back["AI_STATUS"], back["AI_RESPONSE"]) == ("ok", "You said hello")
    assert int(back["AI_LATENCY_MS"] or "") < 1_600
    started, finished, left = heard.drain()
    assert isinstance(started, PlaybackStarted)
    assert started.playback.media_uri == TONE
    assert isinstance(finished, PlaybackFinished)
    assert isinstance(left, StasisEnd)


async def test_a_fast_answer(phone: Phone, heard: Listener[Heard]) -> None:
    """Nothing is played."""
    assert (await phone.call("hello", "up"))["AI_STATUS"] == "ok"

    assert names(heard) == ["StasisEnd"]


async def test_a_call_that_is_not_up(phone: Phone, stub: ModelStub, heard: Listener[Heard]) -> None:
    """Nothing is played to a caller who still hears it ring."""
    stub.delay = 1.0
    assert (await phone.call("hello"))["AI_STATUS"] == "ok"

    assert names(heard) == ["StasisEnd"]


async def test_a_hang_up_while_it_plays(
    phone: Phone, stub: ModelStub, heard: Listener[Heard]
) -> None:
    """The model is told so at once, and the next call is answered."""
    stub.fault = "stall"
    tag = await phone.dial("hello", "up")
    async with asyncio.timeout(5):
        assert isinstance(await anext(heard), PlaybackStarted)
    loop = asyncio.get_running_loop()
    hung_up = loop.time()
    await phone.hang_up(tag)
    async with asyncio.timeout(5):
        while not stub.abandoned:
            await asyncio.sleep(0.01)
    assert stub.abandoned[0] - hung_up < 1.0

    stub.fault = ""
    assert (await phone.call("again", "up"))["AI_STATUS"] == "ok"


@pytest.mark.parametrize(
    "settings", ["sound:there-is-none", "nonsense", "tone:nonsense"], indirect=True
)
async def test_a_filler_that_cannot_be_played(phone: Phone, stub: ModelStub) -> None:
    """It costs no answer."""
    stub.delay = 1.0
    back = await phone.call("hello", "up")

    assert (back["AI_STATUS"], back["AI_RESPONSE"]) == ("ok", "You said hello")
    assert int(back["AI_LATENCY_MS"] or "") < 1_600


@pytest.mark.parametrize("settings", ["sound:beep"], indirect=True)
async def test_a_sound_is_played_once(
    phone: Phone, stub: ModelStub, heard: Listener[Heard]
) -> None:
    """It ends by itself, and the call waits on."""
    stub.delay = 1.8
    assert (await phone.call("hello", "up"))["AI_STATUS"] == "ok"

    assert names(heard) == ["PlaybackStarted", "PlaybackFinished", "StasisEnd"]


async def test_until_the_first_piece(phone: Phone, stub: ModelStub, heard: Listener[Heard]) -> None:
    """With AI_STREAM it plays until the first sentence is there."""
    stub.answer = lambda _: "We are open every day from nine to five. And on Sundays from ten."
    stub.delay, stub.pace = 0.8, 1.0
    back = await phone.call("hello", "up", MORE="AI_STREAM=1")

    assert (back["AI_RESPONSE"], back["AI_MORE"]) == (
        "We are open every day from nine to five.",
        "1",
    )
    assert names(heard) == ["PlaybackStarted", "PlaybackFinished", "StasisEnd"]


async def test_until_the_next_piece(
    asterisk: Asterisk, settings: Settings, stub: ModelStub, heard: Listener[Heard]
) -> None:
    """Who has come for the next sentence before it is written hears it too."""
    stub.answer = lambda _: "We are open every day from nine to five. And on Sundays from ten."
    stub.pace = 1.0
    async with callers_of(asterisk, settings.asterisk_app_name) as exchange:
        caller = await exchange.call("hello", extension="up")
        await caller.hear()
        heard.drain()
        assert await caller.rest() == ["And on Sundays from ten."]

        assert names(heard) == ["PlaybackStarted", "PlaybackFinished", "StasisEnd"]
