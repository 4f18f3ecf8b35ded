"""Sending a call back: it leaves whatever happens, and a later visit is never thrown out.

The same channel that has come back to Stasis() is what tells a `continue` too many.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from ari_serving import Desk, back_in_the_dialplan, disallow, serving, until
from dialogari.ari import Call, Client, GoneReason, RequestFailed
from dialogari.ari.handles import call as call_module
from dialogari.ari.testing import FakeAsterisk, Fault

if TYPE_CHECKING:
    from either_pbx import Phone

CONTINUE = "channels/*/continue"
LOOK = "channels/*"

pytestmark = pytest.mark.usefixtures("short_requests")


async def test_goes_on_in_the_dialplan(phone: Phone, app: str) -> None:
    """The call is at the priority after Stasis(), and that was no hang-up."""
    desk = Desk()
    async with serving(phone.server, app, desk.hold):
        await phone.call(app)
        call = await desk.first()
        await call.continue_in_dialplan()
        await until(lambda: call.gone)

        await back_in_the_dialplan(phone, call)
        assert call.released
        assert not desk.cancelled
        desk.go.set()


@pytest.mark.parametrize("events_first", [True, False])
async def test_end_before_or_after_the_answer(
    fake: FakeAsterisk, app: str, events_first: bool
) -> None:
    """Whichever comes first, StasisEnd or the answer: the handler runs to its end."""
    fake.inject(Fault(path=CONTINUE, events_first=events_first, delay=0.1))
    ended: list[Call] = []

    async def handle(call: Call) -> None:
        await call.continue_in_dialplan()
        await asyncio.sleep(0.05)
        ended.append(call)

    async with serving(fake, app, handle):
        await (await fake.enter_stasis(app)).left()
        await until(lambda: ended)


async def test_twice(fake: FakeAsterisk, app: str) -> None:
    """The second time it does nothing, even before the events say that the call has left."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client:
        entered = await fake.enter_stasis(app)
        call = await desk.first()
        await disallow(client, app, "StasisEnd", "StasisStart")
        await call.continue_in_dialplan()
        await entered.enter_stasis(app)
        await call.continue_in_dialplan()

        assert entered.in_stasis


async def test_end_during_the_look(fake: FakeAsterisk, app: str) -> None:
    """What the look shows may be a later visit, if the event says so meanwhile."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client, asyncio.TaskGroup() as tasks:
        entered = await fake.enter_stasis(app)
        call = await desk.first()
        await disallow(client, app, "StasisStart")
        fake.inject(Fault(path=CONTINUE, silent=True, delay=0.4, times=1))
        fake.inject(Fault(method="GET", path=LOOK, delay=0.3, times=1))
        leaving = tasks.create_task(call.continue_in_dialplan())
        await until(lambda: not entered.in_stasis)
        await entered.enter_stasis(app)
        await leaving

        assert call.gone is GoneReason.STASIS_END
        assert entered.in_stasis


async def test_lost_answer(fake: FakeAsterisk, app: str) -> None:
    """When the answer is lost it looks first, and sees that the call has left."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client:
        await fake.enter_stasis(app)
        call = await desk.first()
        await disallow(client, app, "StasisEnd")
        lose_answer(fake)
        await call.continue_in_dialplan()

        assert await sent_once(client)


async def test_never_blindly(fake: FakeAsterisk, app: str) -> None:
    """When even the look fails it looks again, and does not send again."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client:
        await fake.enter_stasis(app)
        call = await desk.first()
        await disallow(client, app, "StasisEnd")
        fake.inject(Fault(method="GET", path=LOOK, silent=True, times=3))
        lose_answer(fake)
        await call.continue_in_dialplan()

        assert await sent_once(client)


async def test_lost_answer_and_a_later_visit(fake: FakeAsterisk, app: str) -> None:
    """A later visit of which no event told is not thrown out, where Stasis() has other words."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client:
        entered = await fake.enter_stasis(app, ["one"])
        call = await desk.first()
        await disallow(client, app, "StasisEnd", "StasisStart")
        fake.inject(Fault(path=CONTINUE, silent=True, times=1))
        leaving = asyncio.create_task(call.continue_in_dialplan())
        await entered.left()
        await entered.enter_stasis(app, ["two"])
        await leaving

        assert entered.in_stasis


def lose_answer(fake: FakeAsterisk) -> None:
    """Have one `continue` carried out without an answer, and another one refused."""
    fake.inject(Fault(path=CONTINUE, silent=True, times=1))
    fake.inject(Fault(path=CONTINUE, status=500, times=1))


async def sent_once(client: Client) -> bool:
    """Tell whether the refusal is still there, so that there was no second `continue`."""
    try:
        await client.session.channels.continue_in_dialplan("nobody")
    except RequestFailed as error:
        return error.status == 500
    return False


async def test_lost_request(fake: FakeAsterisk, app: str) -> None:
    """When it looked and the call is still there, it sends again."""
    fake.inject(Fault(path=CONTINUE, status=503, delay=1.0, times=1))
    desk = Desk()
    async with serving(fake, app, desk.hold):
        entered = await fake.enter_stasis(app)
        await (await desk.first()).continue_in_dialplan()
        await entered.left()


@pytest.mark.parametrize("status", [500, 503, 412])
async def test_refused_for_a_while(fake: FakeAsterisk, app: str, status: int) -> None:
    """A refusal is not the end: nobody is left in silence."""
    fake.inject(Fault(path=CONTINUE, status=status, times=2))
    desk = Desk()
    async with serving(fake, app, desk.hold):
        entered = await fake.enter_stasis(app)
        await (await desk.first()).continue_in_dialplan()

        await entered.left()


async def test_refused_for_ever(
    fake: FakeAsterisk, app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the end the refusal is the error, and that the caller leaves is a hang-up again."""
    monkeypatch.setattr(call_module, "RELEASE_TIMEOUT", 0.3)
    fake.inject(Fault(path=CONTINUE, status=500))
    desk = Desk()
    async with serving(fake, app, desk.hold):
        entered = await fake.enter_stasis(app)
        call = await desk.first()
        with pytest.raises(RequestFailed, match="500"):
            await call.continue_in_dialplan()

        assert not call.released
        await entered.hang_up()
        await until(lambda: desk.cancelled)


async def test_unreachable_for_a_while(fake: FakeAsterisk, app: str) -> None:
    """It keeps trying while Asterisk is away."""
    desk = Desk()
    async with serving(fake, app, desk.hold), asyncio.TaskGroup() as tasks:
        entered = await fake.enter_stasis(app)
        call = await desk.first()
        async with fake.down():
            leaving = tasks.create_task(call.continue_in_dialplan())
            await asyncio.sleep(0.3)
        await leaving
        await entered.left()


async def test_hang_up_meanwhile(fake: FakeAsterisk, app: str) -> None:
    """That the caller hangs up while it is tried is no error, and ends the trying at once."""
    fake.inject(Fault(path=CONTINUE, status=500))
    desk = Desk()
    async with serving(fake, app, desk.hold), asyncio.TaskGroup() as tasks:
        entered = await fake.enter_stasis(app)
        call = await desk.first()
        leaving = tasks.create_task(call.continue_in_dialplan())
        await asyncio.sleep(0.1)
        await entered.hang_up()
        began = time.monotonic()
        await leaving

        assert time.monotonic() - began < 1.0
        assert call.gone is GoneReason.STASIS_END


async def test_cancelled_before_it_was_carried_out(fake: FakeAsterisk, app: str) -> None:
    """A handler that gives up on it leaves nobody in silence: the client goes on trying."""
    fake.inject(Fault(path=CONTINUE, status=503, times=3))

    async def handle(call: Call) -> None:
        async with asyncio.timeout(0.01):
            await call.continue_in_dialplan()

    async with serving(fake, app, handle):
        await (await fake.enter_stasis(app)).left()


async def test_cancelled_after_it_was_carried_out(fake: FakeAsterisk, app: str) -> None:
    """What was given up may have been done: the next try looks first."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client:
        await fake.enter_stasis(app)
        call = await desk.first()
        await disallow(client, app, "StasisEnd")
        lose_answer(fake)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await call.continue_in_dialplan()
        await call.continue_in_dialplan()

        assert await sent_once(client)


async def test_commands_of_a_past_visit(fake: FakeAsterisk, app: str) -> None:
    """Cleaning up after a hang-up touches nothing of the channel's next visit."""
    cleaned: list[Call] = []

    async def handle(call: Call) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            if not cleaned:
                await asyncio.sleep(0.1)
                cleaned.append(call)
                await call.continue_in_dialplan()

    async with serving(fake, app, handle) as client:
        entered = await fake.enter_stasis(app)
        await until(lambda: client.calls)
        await client.session.channels.continue_in_dialplan(entered.id)  # behind the handler's back
        await entered.enter_stasis(app)
        await until(lambda: cleaned)
        await asyncio.sleep(0.1)

        assert entered.in_stasis
