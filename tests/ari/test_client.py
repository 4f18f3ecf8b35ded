"""Serving calls: one coroutine each, cancelled when the caller leaves, sent back when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ari_serving import (
    Desk,
    back_in_the_dialplan,
    disallow,
    leave_by_itself,
    serving,
    unexpected,
    until,
)
from dialogari.ari import Call, GoneReason, LinkState
from dialogari.ari.testing import FakeAsterisk, FakeCall

if TYPE_CHECKING:
    from either_pbx import Phone


async def test_serves(phone: Phone, app: str) -> None:
    """A call is handled, and goes on in the dialplan once its handler is done."""
    served: list[Call] = []

    async def handle(call: Call) -> None:
        await call.set_variables({"ANSWER": await call.get_variable("GIVEN") or ""})
        served.append(call)

    async with serving(phone.server, app, handle) as client:
        assert client.session.state is LinkState.READY
        assert client.session.version[0].isdigit()
        await phone.call(app)
        await until(lambda: served)

        await back_in_the_dialplan(phone, served[0])
        await until(lambda: client.calls == 0)


@pytest.mark.parametrize("name", ["two words", "año/b?c&d=e", "100%41+x", "semi;colon"])
async def test_names(phone: Phone, name: str) -> None:
    """An application's name may have any character that the dialplan can write."""
    desk = Desk()
    async with serving(phone.server, name, desk.hold):
        await phone.call(name)
        call = await desk.first()
        desk.go.set()
        await back_in_the_dialplan(phone, call)


async def test_names_that_begin_alike(phone: Phone, app: str) -> None:
    """A call is served by its own application, and not by one whose name its name begins with."""
    short, long = Desk(), Desk()
    async with (
        serving(phone.server, app, short.hold),
        serving(phone.server, f"{app}-2", long.hold),
    ):
        await phone.call(f"{app}-2")
        call = await long.first()
        await phone.hang_up()
        await until(lambda: call.gone)

    assert short.calls == []


@pytest.mark.parametrize("over_socket", [True, False])
@pytest.mark.parametrize("bulk", [True, False])
async def test_older_asterisk(app: str, over_socket: bool, bulk: bool) -> None:
    """What a server can't do is done in the older way."""

    async def handle(call: Call) -> None:
        await call.set_variables({"A": "1", "B": "2"})

    async with (
        FakeAsterisk(rest_over_websocket=over_socket, bulk_variables=bulk) as fake,
        serving(fake, app, handle),
    ):
        call = await fake.enter_stasis(app)
        await call.left()

    assert call.variables == {"A": "1", "B": "2"}


async def test_many_at_once(fake: FakeAsterisk, app: str) -> None:
    """Calls are handled side by side, and `wait_until_idle` waits for the last."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client:
        calls = [await fake.enter_stasis(app) for _ in range(200)]
        await until(lambda: client.calls == 200)
        desk.go.set()
        await client.wait_until_idle()

    assert [call.id for call in desk.calls] == [call.id for call in calls]
    assert not any(call.in_stasis for call in calls)


async def do_nothing(_call: Call) -> None:
    """Return at once."""


async def test_lost_end(fake: FakeAsterisk, app: str) -> None:
    """A second start of a channel ends the visit whose end was lost."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client:
        call = await fake.enter_stasis(app)
        await desk.first()
        await disallow(client, app, "StasisEnd")
        await leave_by_itself(client, call)
        await call.enter_stasis(app)
        await until(lambda: len(desk.calls) == 2)

        assert desk.cancelled == desk.calls[:1]
        assert desk.calls[0].gone is GoneReason.STASIS_END
        assert desk.calls[1].gone is None
        assert client.calls == 1


async def test_destroyed(fake: FakeAsterisk, app: str) -> None:
    """Some channels end with ChannelDestroyed alone."""
    desk = Desk()
    async with serving(fake, app, desk.hold):
        entered = await fake.enter_stasis(app)
        call = await desk.first()
        await fake.send(app, event("ChannelDestroyed", entered, cause=16, cause_txt="Normal"))
        await until(lambda: desk.cancelled)

        assert call.gone is GoneReason.DESTROYED


async def test_events_of_other_applications(fake: FakeAsterisk, app: str) -> None:
    """A call may come and go in another application: that is nobody's business here."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client:
        entered = await fake.enter_stasis(app)
        await desk.first()
        await fake.send(app, event("StasisStart", entered, application="other", args=[]))
        await fake.send(app, event("StasisEnd", entered, application=f"{app}-2"))
        await fake.enter_stasis(app)
        await until(lambda: len(desk.calls) == 2)

        assert desk.cancelled == []
        assert client.calls == 2


async def test_start_that_can_not_be_read(
    fake: FakeAsterisk, app: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A call that can't be served, as its event is of no known shape, is told in the log."""
    async with serving(fake, app, unexpected):
        await fake.send(app, {"type": "StasisStart", "channel": {"id": "1"}})
        await until(lambda: "ari_call_unreadable" in caplog.text)


def event(kind: str, call: FakeCall, **fields: Any) -> dict[str, Any]:
    """Return an event about a call's channel."""
    return {"type": kind, "channel": msgspec.to_builtins(call.channel), **fields}
