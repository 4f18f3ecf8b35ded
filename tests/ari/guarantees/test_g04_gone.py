"""G4. A call is gone at the first sign of it: an event, an answer that says so, or a snapshot.

Asterisk has no one sign: a caller's end is told by StasisEnd, that of a call that was not answered
by ChannelDestroyed alone, and what was missed by nothing but what is there afterwards.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ari_line import ONE_LINK, PER_CALL, Way, filter_out, on
from ari_serving import until
from dialogari.ari import Call, ChannelGone, GoneReason, Lost, NotFound, RequestFailed, outbound
from dialogari.ari.models import StasisEnd
from either_pbx import LIMIT

if TYPE_CHECKING:
    from ari_line import Line

ENDS = ("StasisEnd", "ChannelHangupRequest", "ChannelDestroyed")


async def use_until_gone(call: Call) -> ChannelGone:
    """Use a call until that says that it is gone; return how."""
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                await call.set_variables({"A": "1"})
            except ChannelGone as gone:
                return gone
            except RequestFailed as error:  # of a channel that is just leaving
                assert error.message == "Failed to execute function"  # noqa: PT017 - no other


async def no_channel(call: Call) -> None:
    """Wait until there is no such channel; not by the handle, which would learn of it."""
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                await call.session.channels.get(call.id)
            except NotFound:
                return


async def test_stasis_end(line: Line) -> None:
    """StasisEnd ends it, be it by a hang-up or not; its listeners have the event, and end."""
    async with line.one_call() as visit, visit.call.listen(StasisEnd) as events:
        await visit.call.session.channels.continue_in_dialplan(visit.call.id)

        assert await visit.call.wait_until_gone() is GoneReason.STASIS_END
        assert len([event async for event in events]) == 1
        await until(lambda: visit.desk.cancelled)


async def test_destroyed(line: Line) -> None:
    """A call of ours that is not answered ends with ChannelDestroyed alone; the cause is told."""
    async with line.one_call() as visit:
        with pytest.raises(ChannelGone) as caught:
            async with visit.call.session.originate("Local/busy@line/n"):
                pytest.fail("nobody answered")

        assert caught.value.reason is GoneReason.DESTROYED
        assert caught.value.cause == 17
        assert visit.call.gone is None


async def test_not_found(line: Line) -> None:
    """An answer that there is no such channel ends it, though no event has told."""
    async with line.one_call() as visit:
        await filter_out(visit.call.session, *ENDS)
        await visit.phone.hang_up()
        await no_channel(visit.call)

        assert visit.call.gone is None
        assert (await use_until_gone(visit.call)).reason is GoneReason.NOT_FOUND
        assert visit.call.gone is GoneReason.NOT_FOUND


async def test_not_in_stasis(line: Line) -> None:
    """So does one that the channel is in the dialplan, where it is no longer ours."""
    async with line.one_call() as visit:
        await filter_out(visit.call.session, *ENDS)
        await visit.call.session.channels.continue_in_dialplan(visit.call.id)

        assert (await use_until_gone(visit.call)).reason is GoneReason.LEFT_STASIS


async def test_absent(line: Line) -> None:
    """So does a snapshot without it; who listens is told Lost, and the handler is cancelled."""
    async with line.one_call() as visit, visit.call.listen(Lost) as lost:
        session = visit.call.session
        await filter_out(session, *ENDS)
        await visit.phone.hang_up()
        await asyncio.sleep(0.1)
        line.cable.cut()

        reason = await visit.call.wait_until_gone()
        # Asterisk mostly does not bring the own socket of a call that is over again.
        if reason is not GoneReason.LINK_LOST or not session.application.startswith(f"{line.app}:"):
            assert reason is GoneReason.ABSENT
            assert [event.call async for event in lost] == [visit.call]
        await until(lambda: visit.desk.cancelled)


@on(*PER_CALL)
async def test_link_lost(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call with a socket of its own is gone too when Asterisk does not bring that again."""
    monkeypatch.setattr(outbound, "RETURN_LIMIT", 0.3)
    async with line.one_call() as visit:
        with line.cable.unplugged():
            assert await visit.call.wait_until_gone() is GoneReason.LINK_LOST
            await until(lambda: not visit.client.sessions and not visit.client.calls)
        assert visit.desk.cancelled == [visit.call]


@on(*ONE_LINK)
async def test_end_in_a_gap(line: Line) -> None:
    """A hang-up during a gap is noticed after it; a call that is still there notices nothing."""
    async with line.one_call() as visit:
        await line.call()
        await until(lambda: len(visit.desk.calls) == 2)
        with line.cable.unplugged():
            await asyncio.sleep(0.1)  # until both sides know
            await visit.phone.hang_up()
        reason = await visit.call.wait_until_gone()
        await until(lambda: visit.desk.cancelled)

        # What a persistent link missed comes when it is back.
        told = line.way is Way.PERSISTENT
        assert reason is (GoneReason.STASIS_END if told else GoneReason.ABSENT)
        assert visit.desk.cancelled == [visit.call]
        assert visit.client.calls == 1
