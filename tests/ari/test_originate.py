"""Calling somebody: answered, refused, given up, and when nobody knows what came of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ari_serving import Desk, disallow, one_call, serving, soon, until
from dialogari.ari import (
    ChannelGone,
    Client,
    GoneReason,
    UnknownOutcome,
)
from dialogari.ari.models import ChannelDtmfReceived, StasisStart
from dialogari.ari.testing import Callee, FakeAsterisk, Fault

if TYPE_CHECKING:
    from either_pbx import Phone

UP = "Local/up@line/n"
RINGING = "Local/ring@line/n"


async def ids(client: Client) -> list[str]:
    """Return the ids of all channels."""
    return [channel.id for channel in await client.session.channels.list()]


async def no_channel(client: Client, channel_id: str) -> None:
    """Wait until there is no such channel any more."""
    async with asyncio.timeout(5):
        while channel_id in await ids(client):
            await asyncio.sleep(0.01)


async def test_answered(phone: Phone, app: str) -> None:
    """Who answers is in our application, without a handler, and is hung up in the end."""
    async with one_call(phone, app) as (client, call):
        async with client.session.originate(
            UP,
            caller_id="Bob <123>",
            variables={"A": "1,2"},
            arguments=["a,b", "c"],
            originator=call,
        ) as other:
            shown = await client.session.channels.get(other.id)
            assert await other.get_variable("A") == "1,2"
            assert (other.channel.caller.name, other.channel.caller.number) == ("Bob", "123")
            assert other.channel.state == "Up"
            assert shown.dialplan.app_data.startswith(app)
            assert client.calls == 1
            await other.play("digits:1")
        await other.wait_until_gone()
        await no_channel(client, other.id)
        assert other.gone is not None
        with pytest.raises(ChannelGone):
            await other.answer()
        assert call.gone is None


async def test_arguments(phone: Phone, app: str) -> None:
    """Arguments arrive as they were given, whatever is in them."""
    given = ["a,b", "c(d", 'e"', "f\\g", "ñ"]
    async with (
        one_call(phone, app) as (client, _),
        client.session.listen(types=(StasisStart,)) as events,
        client.session.originate(UP, arguments=given),
    ):
        assert (await anext(events)).args == given


@pytest.mark.parametrize(("extension", "cause"), [("busy", 17), ("reject", 21), ("ring", 19)])
async def test_not_answered(phone: Phone, app: str, extension: str, cause: int) -> None:
    """Who does not answer, for whatever reason, is gone, and the cause says why."""
    async with one_call(phone, app) as (client, _):
        with pytest.raises(ChannelGone) as caught:
            async with client.session.originate(f"Local/{extension}@line/n", seconds=1):
                pytest.fail("nobody answered")

    assert caught.value.cause == cause
    assert caught.value.reason is GoneReason.DESTROYED


async def test_cancelled_while_it_rings(phone: Phone, app: str) -> None:
    """A call that is given up is hung up."""

    async def call_out(client: Client) -> None:
        async with client.session.originate(RINGING):
            pytest.fail("nobody answered")

    async with one_call(phone, app) as (client, _), asyncio.TaskGroup() as tasks:
        before = await ids(client)
        for pause in (0.0, 0.01, 0.3):
            calling = tasks.create_task(call_out(client))
            await asyncio.sleep(pause)
            calling.cancel()
            await asyncio.wait({calling})
            assert calling.cancelled()
        async with asyncio.timeout(5):
            while set(await ids(client)) != set(before):
                await asyncio.sleep(0.01)


async def test_continues_elsewhere(phone: Phone, app: str) -> None:
    """A call that was sent on before the scope ended is not hung up."""
    async with one_call(phone, app) as (client, _):
        async with client.session.originate(UP) as other:
            await client.session.channels.continue_in_dialplan(other.id)
            await other.wait_until_gone()
        assert other.gone is GoneReason.STASIS_END


@pytest.mark.usefixtures("short_requests")
@pytest.mark.parametrize("executed", [True, False])
async def test_lost_answer(fake: FakeAsterisk, app: str, executed: bool) -> None:
    """When the answer is lost, whether it rings is found out."""
    async with serving(fake, app, Desk().hold) as client:
        status = None if executed else 500
        fake.inject(Fault("POST", "channels/*", silent=True, status=status, times=1))
        if executed:
            async with client.session.originate(UP) as other:
                assert other.gone is None
        else:
            with pytest.raises(UnknownOutcome):
                async with client.session.originate(UP):
                    pytest.fail("nobody was called")


@pytest.mark.usefixtures("short_requests")
async def test_comes_about_too_late(fake: FakeAsterisk, app: str) -> None:
    """A call of which nobody knew and that comes about after all is hung up: no handler gets it."""
    async with serving(fake, app, Desk().hold) as client:
        fake.callees["PJSIP/*"] = Callee(after=0.5)
        fake.inject(Fault("POST", "channels/*", silent=True, times=1))
        fake.inject(Fault("GET", "channels/*", status=404, times=1))
        fake.inject(Fault("DELETE", "channels/*", status=404, times=1))
        with pytest.raises(UnknownOutcome):
            async with client.session.originate("PJSIP/alice"):
                pytest.fail("nobody was called")
        (late,) = fake.calls
        await until(lambda: late.hung_up)


@pytest.mark.parametrize("events_first", [True, False])
async def test_answered_before_the_answer(fake: FakeAsterisk, app: str, events_first: bool) -> None:
    """It may be in our application before Asterisk has said that it calls."""
    async with serving(fake, app, Desk().hold) as client:
        fake.inject(Fault("POST", "channels/*", events_first=events_first, delay=0.2, times=1))
        async with client.session.originate(UP) as other:
            assert other.channel.state == "Up"


async def test_refusal_in_a_gap(fake: FakeAsterisk, app: str) -> None:
    """Whoever refused, or answered in vain, while the link was down is gone."""
    fake.callees["PJSIP/*"] = Callee(after=0.5, cause=17)

    async def gap() -> None:
        async with fake.down():
            await until(lambda: not fake.calls)

    async with serving(fake, app, Desk().hold) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(soon(gap(), 0.2))
        with pytest.raises(ChannelGone) as caught:
            async with client.session.originate("PJSIP/alice"):
                pytest.fail("nobody answered")
        assert caught.value.reason is GoneReason.ABSENT


@pytest.mark.usefixtures("short_grace")
async def test_answer_that_was_never_told(fake: FakeAsterisk, app: str) -> None:
    """A call whose StasisStart was lost is found in our application, and is no orphan."""
    async with serving(fake, app, Desk().hold) as client, asyncio.TaskGroup() as tasks:
        await disallow(client, app, "StasisStart")
        tasks.create_task(soon(fake.drop(), 0.2))
        async with client.session.originate("PJSIP/alice") as other:
            await asyncio.sleep(0.3)
            assert other.gone is None
            assert client.calls == 0


async def test_place_taken(fake: FakeAsterisk, app: str) -> None:
    """One whose channel is replaced stays the same, and no handler gets the new one."""
    async with serving(fake, app, Desk().hold) as client:
        async with client.session.originate("PJSIP/alice") as other:
            async with other.listen(ChannelDtmfReceived) as keys:
                new = await fake.call(other.id).replace_with()
                await until(lambda: other.id == new.id)
                await new.press("5")
                assert (await anext(keys)).digit == "5"
            assert other.gone is None
            assert client.calls == 0
        assert new.hung_up


async def test_no_event(fake: FakeAsterisk, app: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any event the waiting ends all the same."""
    monkeypatch.setattr("dialogari.ari.handles.leg.ANSWER_MARGIN", 0.2)
    fake.callees["PJSIP/*"] = Callee(after=None)
    async with serving(fake, app, Desk().hold) as client:
        await disallow(client, app, "ChannelDestroyed", "StasisStart")
        with pytest.raises(TimeoutError):
            async with client.session.originate("PJSIP/alice", seconds=1):
                pytest.fail("nobody answered")
        assert fake.calls == []
