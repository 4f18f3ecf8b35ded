"""Whatever a handler does, its call goes on, and no other call notices."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ari_serving import (
    Desk,
    leave_by_itself,
    serving,
    until,
)
from dialogari.ari import Call, ChannelGone, GoneReason, LinkState
from dialogari.ari.testing import FakeAsterisk

if TYPE_CHECKING:
    from ari_serving import Handler


async def fail(_call: Call) -> None:
    """Raise an error."""
    raise RuntimeError("a fault of the handler")


async def fail_in_a_group(_call: Call) -> None:
    """Raise an error in a task."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asyncio.sleep(60))
        tasks.create_task(fail(_call))


async def cancel_oneself(_call: Call) -> None:
    """End as cancelled, though nobody asked for it."""
    raise asyncio.CancelledError


async def believe_gone(call: Call) -> None:
    """Raise ChannelGone of another call."""
    raise ChannelGone(f"not {call.id}", GoneReason.DESTROYED)


async def do_nothing(_call: Call) -> None:
    """Return at once."""


@pytest.mark.parametrize(
    "handler", [do_nothing, fail, fail_in_a_group, cancel_oneself, believe_gone]
)
async def test_handler_that_leaves_the_call(fake: FakeAsterisk, app: str, handler: Handler) -> None:
    """However a handler ends, its call is sent back, and other calls don't notice."""
    desk = Desk()

    async def handle(call: Call) -> None:
        await (desk.hold if call.arguments else handler)(call)

    async with serving(fake, app, handle) as client:
        await fake.enter_stasis(app, ["other"])
        await desk.first()
        await (await fake.enter_stasis(app)).left()

        await until(lambda: client.calls == 1)
        assert client.session.state is LinkState.READY
        assert not desk.cancelled


async def test_handler_that_goes_on_after_the_call(fake: FakeAsterisk, app: str) -> None:
    """Once it has sent the call back a handler is not cancelled, even by the next visit."""
    desk = Desk()

    async def handle(call: Call) -> None:
        await call.continue_in_dialplan()
        await desk.hold(call)

    async with serving(fake, app, handle) as client:
        call = await fake.enter_stasis(app)
        for visit in range(1, 4):
            await call.left()
            await until(lambda: len(desk.calls) == visit)  # noqa: B023 - called at once
            await call.enter_stasis(app)
        await until(lambda: len(desk.calls) == 4)

        assert client.calls == 4
        assert desk.cancelled == []
        desk.go.set()


async def test_handler_that_ends_in_the_next_visit(fake: FakeAsterisk, app: str) -> None:
    """When it ends is nothing to the next visit: that one still notices a hang-up."""
    desk, after = Desk(), asyncio.Event()

    async def handle(call: Call) -> None:
        if call.arguments:
            await desk.hold(call)
        await call.continue_in_dialplan()
        await after.wait()

    async with serving(fake, app, handle) as client:
        call = await fake.enter_stasis(app)
        await call.left()
        await call.enter_stasis(app, ["second"])
        await desk.first()
        after.set()
        await until(lambda: client.calls == 1)
        await call.hang_up()
        await until(lambda: desk.cancelled)


async def test_handler_that_ignores_cancellation(fake: FakeAsterisk, app: str) -> None:
    """One that does not end when told to keeps nobody else from being served."""
    free = asyncio.Event()
    calls: list[Call] = []

    async def handle(call: Call) -> None:
        calls.append(call)
        while len(calls) == 1 or not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue

    async with serving(fake, app, handle) as client:
        call = await fake.enter_stasis(app)
        await until(lambda: calls)
        await leave_by_itself(client, call)
        await call.enter_stasis(app)
        await until(lambda: len(calls) == 2)
        assert client.calls == 2
        free.set()
        await call.left()
        await client.wait_until_idle()
