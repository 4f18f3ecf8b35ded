"""Calls that no handler owns: left over by a client that died, or by a gap in the events."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest

import either_pbx
from ari_serving import (
    Desk,
    back_in_the_dialplan,
    connect_to,
    ready_again,
    serving,
    unexpected,
    until,
)
from dialogari.ari import Client, RequestFailed
from dialogari.ari.handles import call as call_module
from dialogari.ari.testing import FakeAsterisk, FakeCall, Fault
from either_pbx import LIMIT, FakePhone, RealPhone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.sandbox.asterisk import Asterisk
    from either_pbx import Phone

pytestmark = pytest.mark.usefixtures("short_grace")


async def leave_orphan(phone: Phone, app: str) -> str:
    """Let a call enter an application whose client then dies; return its channel's id."""
    async with either_pbx.connect(phone.server, app) as dying:
        await phone.call(app)
        start = await dying.event("StasisStart")
    return start["channel"]["id"]


async def test_orphan_of_another_application(phone: Phone, app: str) -> None:
    """A call of an application whose name begins like ours is left alone."""
    await leave_orphan(phone, f"{app}-2")
    async with serving(phone.server, app, unexpected, resumed=unexpected) as client:
        await asyncio.sleep(0.3)

        assert client.calls == 0


async def test_orphan_in_quotes(real: Asterisk, app: str) -> None:
    """Stasis() is told by what Asterisk makes of its arguments, not by how they are written."""
    phone = RealPhone(real)
    async with either_pbx.connect(real, app) as dying:
        await phone.call(f'"{app}","a,b"')
        await dying.event("StasisStart")
    desk = Desk()
    async with serving(real, app, unexpected, resumed=desk.hold):
        call = await desk.first()
        await phone.hang_up()

    assert call.arguments[0] == "a,b"


async def test_late_start(fake: FakeAsterisk, app: str) -> None:
    """A call that the snapshot shows before its StasisStart comes is a new call."""
    call = await enter_unseen(fake, app)
    desk = Desk()
    async with serving(fake, app, desk.hold, resumed=unexpected) as client:
        channel = msgspec.to_builtins(call.channel)
        await fake.send(app, {"type": "StasisStart", "channel": channel, "args": []})
        await desk.first()
        desk.go.set()
        await call.left()
        desk.go.clear()
        await call.enter_stasis(app)  # its next visit is none that was left over either
        await asyncio.sleep(0.3)

        assert client.calls == 1
    assert len(desk.calls) == 2


async def test_start_during_the_look(fake: FakeAsterisk, app: str) -> None:
    """That comes even while the client asks Asterisk for the call."""
    call = await enter_unseen(fake, app)
    desk = Desk()
    fake.inject(Fault(method="GET", path=f"channels/{call.id}", delay=0.3, times=1))
    async with serving(fake, app, desk.hold):
        await asyncio.sleep(0.3)
        channel = msgspec.to_builtins(call.channel)
        await fake.send(app, {"type": "StasisStart", "channel": channel, "args": []})
        await asyncio.sleep(0.4)

        assert desk.cancelled == []
    assert len(desk.calls) == 1


async def enter_unseen(fake: FakeAsterisk, app: str) -> FakeCall:
    """Let a call enter while the client that gets the event dies."""
    async with either_pbx.connect(fake, app):
        return await fake.enter_stasis(app)


async def test_orphan_in_two_snapshots(fake: FakeAsterisk, app: str) -> None:
    """A gap right after the first snapshot does not bring the call twice."""
    call = await enter_unseen(fake, app)
    desk = Desk()
    async with serving(fake, app, unexpected, resumed=desk.hold) as client:
        for _ in range(2):
            await fake.drop()
            await ready_again(client)
        await asyncio.sleep(0.5)

        assert [call.id for call in desk.calls] == [call.id]
        assert desk.cancelled == []


async def test_orphan_that_leaves(fake: FakeAsterisk, app: str) -> None:
    """A call that leaves before its turn is not brought."""
    call = await enter_unseen(fake, app)
    async with serving(fake, app, unexpected) as client:
        await client.session.channels.continue_in_dialplan(call.id)
        await asyncio.sleep(0.3)

        assert client.calls == 0


async def test_orphan_that_hangs_up(
    fake: FakeAsterisk, app: str, caplog: pytest.LogCaptureFixture
) -> None:
    """So is one that hangs up, and that is no failure."""
    call = await enter_unseen(fake, app)
    async with serving(fake, app, unexpected):
        await call.hang_up()
        await asyncio.sleep(0.3)

    assert [said for said in caplog.messages if said != "ari_loop_blocked"] == []


async def test_orphan_that_can_not_be_seen(fake: FakeAsterisk, app: str) -> None:
    """While Asterisk fails to show the call it is asked again."""
    call = await enter_unseen(fake, app)
    desk = Desk()
    desk.go.set()
    async with serving(fake, app, unexpected, resumed=desk.hold):
        fake.inject(Fault(method="GET", path=f"channels/{call.id}", status=500, times=3))
        await call.left()


async def test_call_that_could_not_be_sent_back(
    fake: FakeAsterisk, app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that no try could send back is brought to `resumed`, and is not forgotten."""
    monkeypatch.setattr(call_module, "RELEASE_TIMEOUT", 0.1)
    fake.inject(Fault(path="channels/*/continue", status=500))
    desk = Desk()
    desk.go.set()
    async with serving(fake, app, desk.hold, resumed=desk.hold):
        call = await fake.enter_stasis(app)
        await until(lambda: len(desk.calls) > 1)
        fake.heal()
        await call.left()


async def test_list_that_can_not_be_had(phone: Phone, app: str) -> None:
    """A channel of someone else may spoil the list of channels: ours are found all the same."""
    channel_id = await leave_orphan(phone, app)
    desk = Desk()
    desk.go.set()
    async with spoiled_list(phone), serving(phone.server, app, unexpected, resumed=desk.hold):
        await back_in_the_dialplan(phone, await desk.first())

    assert [call.id for call in desk.calls] == [channel_id]


@asynccontextmanager
async def spoiled_list(phone: Phone) -> AsyncGenerator[None]:
    """Have a channel, as long as this lasts, for which Asterisk can't list any."""
    if isinstance(phone, FakePhone):
        phone.server.inject(Fault(path="channels", status=500))
        yield
        return
    async with connect_to(phone.server, "nobody") as client:
        await client.session.channels.originate_with_id(
            "spoiler", "Local/s@spoil/n", context="line", extension="s", priority=1
        )
        with pytest.raises(RequestFailed, match="500"):
            await list_until_refused(client)
        yield
        await client.session.channels.hangup("spoiler")


async def list_until_refused(client: Client) -> None:
    """Ask for the list of channels until that fails."""
    async with asyncio.timeout(LIMIT):
        while True:
            await client.session.channels.list()
