"""How serving ends: cancelled at any moment, or because another client took the application."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from ari_serving import Desk, connect_to, serving, unexpected, until
from dialogari.ari import ApplicationReplaced, Call, Client, LinkState
from dialogari.ari import handlers as handlers_module
from dialogari.ari.testing import FakeAsterisk, FakeCall, Fault


async def test_while_asterisk_is_away(
    fake: FakeAsterisk, app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that stops does not wait for an Asterisk that is not there."""
    monkeypatch.setattr(handlers_module, "STOP_LIMIT", 0.3)
    desk = Desk()
    async with connect_to(fake, app) as client, asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(client.serve(desk.hold, resumed=unexpected))
        await client.wait_until_ready()
        await fake.enter_stasis(app)
        await desk.first()
        async with fake.down():
            began = time.monotonic()
            serving.cancel()
            await asyncio.wait({serving}, timeout=3.0)

    assert time.monotonic() - began < 2.0
    assert client.calls == 0


async def test_handler_that_is_slow_to_end(fake: FakeAsterisk, app: str) -> None:
    """A handler may clean up when the program stops; its call is sent back after that."""
    cleaned: list[Call] = []
    desk = Desk()

    async def handle(call: Call) -> None:
        try:
            await desk.hold(call)
        finally:
            await asyncio.sleep(0.1)
            await call.set_variables({"CLEANED": "1"})
            cleaned.append(call)

    async with serving(fake, app, handle):
        call = await fake.enter_stasis(app)
        await desk.first()

    assert len(cleaned) == 1
    assert call.variables == {"CLEANED": "1"}
    assert not call.in_stasis


async def test_call_that_comes_while_it_stops(
    fake: FakeAsterisk, app: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is sent back too, though no handler may be started any more."""
    desk = Desk()
    late: list[FakeCall] = []

    async def handle(call: Call) -> None:
        try:
            await desk.hold(call)
        finally:
            late.append(await fake.enter_stasis(app))
            await asyncio.sleep(0.1)

    async with serving(fake, app, handle) as client:
        early = await fake.enter_stasis(app)
        await desk.first()

    assert client.session.generation == 1
    assert [call.in_stasis for call in (early, *late)] == [False, False]
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_at_any_moment(fake: FakeAsterisk, app: str) -> None:
    """Cancelled at whatever moment, with the link breaking just then, it ends and leaves no task.

    Before Python 3.13 a task group that fails in the moment it is cancelled forgets the latter.
    """
    chance = random.Random(7)  # noqa: S311 - moments that come back the same, no secret
    others = {task for task in asyncio.all_tasks() if "dialogari" in repr(task)}

    async def handle(_call: Call) -> None:
        await asyncio.sleep(chance.uniform(0, 0.02))

    for number in range(40):
        async with connect_to(fake, app) as client, asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(client.serve(handle, resumed=handle))
            if number % 4 == 0:
                await asyncio.sleep(chance.uniform(0, 0.02))
            else:
                await client.wait_until_ready()
                await fake.enter_stasis(app)
            tasks.create_task(fake.drop(code=chance.choice([None, 1000])))
            for _ in range(chance.randrange(12)):
                await asyncio.sleep(0)
            serving.cancel()
            _, unfinished = await asyncio.wait({serving}, timeout=2.0)
            serving.cancel()  # so that the test ends where the first one is lost
            assert not unfinished

    assert {task for task in asyncio.all_tasks() if "dialogari" in repr(task)} == others


async def test_twice_in_a_row(fake: FakeAsterisk, app: str) -> None:
    """A client that served may serve again, on the same link."""
    desk = Desk()
    async with connect_to(fake, app) as client, asyncio.TaskGroup() as tasks:
        for _ in range(3):
            serving = tasks.create_task(client.serve(desk.hold, resumed=unexpected))
            await client.wait_until_ready()
            call = await fake.enter_stasis(app)
            await until(lambda: client.calls)
            serving.cancel()
            await asyncio.wait({serving})
            assert not call.in_stasis
        assert client.session.generation == 1


async def expect_replacement(client: Client, desk: Desk) -> None:
    """Serve until another client takes over."""
    with pytest.raises(ApplicationReplaced):
        await client.serve(desk.hold, resumed=unexpected)


async def test_command_under_way_when_replaced(fake: FakeAsterisk, app: str) -> None:
    """A command whose answer the silent socket will not bring does not wait for it."""
    desk = Desk()
    async with connect_to(fake, app) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(expect_replacement(client, desk))
        await client.wait_until_ready()
        await fake.enter_stasis(app, variables={"A": "1"})
        call = await desk.first()
        fake.inject(Fault(path="channels/*/variable", silent=True, times=1))
        began = time.monotonic()
        reading = tasks.create_task(call.get_variable("A"))
        await asyncio.sleep(0.05)
        await fake.replace(app)

        assert await reading == "1"
        assert time.monotonic() - began < 1.0
        desk.go.set()


async def test_stopped_while_replaced(fake: FakeAsterisk, app: str) -> None:
    """Calls that still run after a takeover are sent back when the program stops."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client:
        call = await fake.enter_stasis(app)
        await desk.first()
        await fake.replace(app)
        await until(lambda: client.session.state is LinkState.REPLACED)

    assert not call.in_stasis
