"""The dialplan's door with answers in pieces: what goes wrong between it and Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from dialogari.app.bridge import Bridge
from dialogari.ari.testing import FakeAsterisk, FakeCall, Fault
from dialogari.config import Settings
from model_stub import ModelStub
from pbx_fixtures import make_settings, running_bridge

FIRST = "We are open every day from nine to five."
ANSWER = f"{FIRST} On Sundays we open at ten, if it rains. You find us beside the town hall."


async def until(condition: Callable[[], object], limit: float = 5.0) -> None:
    """Wait until `condition()` is true."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def fake() -> AsyncGenerator[FakeAsterisk]:
    """An Asterisk that can be told to misbehave."""
    async with FakeAsterisk() as running:
        yield running


@pytest_asyncio.fixture
async def stub() -> AsyncGenerator[ModelStub]:
    """A model that writes a piece in 0.3 seconds."""
    async with ModelStub(answer=lambda _: ANSWER, pace=0.3) as model:
        yield model


@pytest.fixture
def settings(fake: FakeAsterisk, stub: ModelStub, tmp_path: Path) -> Settings:
    """A bridge's settings."""
    return make_settings(fake, stub, tmp_path, turn_deadline=6.0)


@pytest_asyncio.fixture(autouse=True)
async def bridge(fake: FakeAsterisk, settings: Settings) -> AsyncGenerator[Bridge]:
    """A bridge that runs; callers hang up before it ends."""
    async with running_bridge(settings) as running:
        yield running
        for call in fake.calls:
            await call.hang_up()


async def ask(fake: FakeAsterisk, settings: Settings, words: str = "hello") -> FakeCall:
    """Place a call that asks for pieces, and wait until it is back with the first."""
    call = await fake.enter_stasis(
        settings.asterisk_app_name, ["UNIQUEID=c", "AI_STREAM=1"], {"USER_INPUT": words}
    )
    await call.left()
    return call


async def go_on(call: FakeCall, settings: Settings) -> dict[str, str]:
    """Fetch the next piece."""
    await call.enter_stasis(settings.asterisk_app_name, ["UNIQUEID=c", "AI_CONTINUE=1"])
    await call.left()
    return call.variables


async def test_pieces(fake: FakeAsterisk, settings: Settings) -> None:
    """One after the other until there are no more."""
    call = await ask(fake, settings)
    heard = [call.variables["AI_RESPONSE"]]
    while call.variables["AI_MORE"] == "1":
        heard.append((await go_on(call, settings))["AI_RESPONSE"])

    assert (heard[0], len(heard) > 1) == (FIRST, True)
    assert " ".join(heard).strip() == ANSWER


async def test_a_hang_up_in_a_gap(fake: FakeAsterisk, settings: Settings, stub: ModelStub) -> None:
    """A caller who is gone when the link is back gets no more pieces, though no event told."""
    stub.fault, stub.opening = "stall_in_stream", f"{FIRST} On Sundays "
    call = await ask(fake, settings)
    await fake.drop()
    await call.vanish()

    await until(lambda: stub.abandoned, 3.0)


async def test_a_subscription_that_is_refused(
    fake: FakeAsterisk,
    settings: Settings,
) -> None:
    """The pieces come all the same; without it a hang-up only shows at the idle limit."""
    fake.inject(Fault("POST", "applications/*/subscription", status=500))
    with capture_logs() as logs:
        call = await ask(fake, settings)

    assert call.variables["AI_RESPONSE"] == FIRST
    while call.variables["AI_MORE"] == "1":
        assert (await go_on(call, settings))["AI_STATUS"] == "ok"
    assert "caller_not_watched" in [line["event"] for line in logs]


async def test_the_answer_of_a_subscription_is_lost(
    fake: FakeAsterisk, settings: Settings, bridge: Bridge
) -> None:
    """The piece comes all the same, and the next one when the link is back."""
    fake.inject(Fault("POST", "applications/*/subscription", times=1, cut=True))
    call = await ask(fake, settings)
    assert call.variables["AI_RESPONSE"] == FIRST

    await until(lambda: bridge.linked)
    assert (await go_on(call, settings))["AI_STATUS"] == "ok"


async def test_another_conversation_of_the_channel(fake: FakeAsterisk, settings: Settings) -> None:
    """Who goes on with another conversation than the one that answers hears nothing of it."""
    call = await ask(fake, settings)
    await call.enter_stasis(settings.asterisk_app_name, ["UNIQUEID=other", "AI_CONTINUE=1"])
    await call.left()

    assert (call.variables["AI_STATUS"], call.variables["AI_RESPONSE"]) == ("ok", "")
    assert (await go_on(call, settings))["AI_RESPONSE"] != ""


async def test_the_variables_are_refused(
    fake: FakeAsterisk, settings: Settings, stub: ModelStub
) -> None:
    """A call that goes back without its piece can still come for the next."""
    assert stub
    fake.inject(Fault("POST", "channels/*/variable*", times=2, status=500))
    call = await ask(fake, settings)
    assert "AI_STATUS" not in call.variables

    assert (await go_on(call, settings))["AI_STATUS"] == "ok"


async def test_a_channel_that_takes_the_place_of_another(
    fake: FakeAsterisk, settings: Settings, stub: ModelStub
) -> None:
    """After a transfer the new channel's continuation knows nothing, and is sent back."""
    stub.delay = 0.5
    call = await fake.enter_stasis(
        settings.asterisk_app_name, ["UNIQUEID=c", "AI_STREAM=1"], {"USER_INPUT": "hello"}
    )
    await until(lambda: stub.asked)
    new = await call.replace_with()
    await new.left()
    assert new.variables["AI_RESPONSE"] == FIRST

    assert (await go_on(new, settings))["AI_STATUS"] == "ok"
