"""G8. An error says what a program can do about it, where Asterisk's status alone does not.

NotFound says of what, NotInStasis that the channel lives but is not ours, InvalidState that it is
not possible now, Conflict that there is one of this name, NotCallable that nobody can be called
there. UnknownOutcome means that it may have been executed: it is never repeated behind your back.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest

from ari_line import FAKE, REAL, filter_out, on
from ari_serving import until
from dialogari.ari import (
    AriError,
    Conflict,
    InvalidState,
    NotCallable,
    NotFound,
    NotFoundKind,
    NotInStasis,
    RequestFailed,
    Session,
    UnknownOutcome,
)
from dialogari.ari.testing import Fault
from dialogari.sandbox.asterisk import Asterisk
from either_pbx import LIMIT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ari_line import Line

UP = "Local/up@line/n"
NOBODY = "nobody-1.1"
ABSENT: list[tuple[Callable[[Session], Awaitable[object]], NotFoundKind]] = [
    (lambda s: s.channels.get(NOBODY), NotFoundKind.CHANNEL),
    (lambda s: s.channels.continue_in_dialplan(NOBODY), NotFoundKind.CHANNEL),
    (lambda s: s.bridges.get(NOBODY), NotFoundKind.BRIDGE),
    (lambda s: s.playbacks.stop(NOBODY), NotFoundKind.PLAYBACK),
    (lambda s: s.recordings.get_stored(NOBODY), NotFoundKind.RECORDING),
    (lambda s: s.applications.get(NOBODY), NotFoundKind.APPLICATION),
]


async def test_not_found(line: Line) -> None:
    """What a 404 is about is said; a bridge that is to take a channel says so with a 400."""
    async with line.one_call() as visit:
        session = visit.call.session
        for operation, kind in ABSENT:
            with pytest.raises(NotFound) as caught:
                await operation(session)
            assert caught.value.kind is kind
        with pytest.raises(NotFound) as caught:
            await session.channels.get_channel_var(visit.call.id, "NEVER_SET")
        assert caught.value.kind is NotFoundKind.VARIABLE
        async with session.bridge() as bridge:
            with pytest.raises(NotFound) as caught:
                await session.bridges.add_channel(bridge.id, NOBODY)
            assert caught.value.kind is NotFoundKind.CHANNEL
            assert caught.value.status == 400


async def test_not_in_stasis(line: Line) -> None:
    """A channel that is in the dialplan refuses, to a command with 409, to a bridge with 422."""
    async with line.one_call() as visit:
        session = visit.call.session
        async with session.bridge() as bridge:
            await filter_out(session, "StasisEnd")
            await session.channels.continue_in_dialplan(visit.call.id)
            # Asterisk 16 takes commands for 200 ms more, until the channel looks whether it may go.
            async with asyncio.timeout(LIMIT):
                with pytest.raises(NotInStasis):
                    await set_for_ever(session, visit.call.id)
            with pytest.raises(NotInStasis) as caught:
                await session.bridges.add_channel(bridge.id, visit.call.id)
            assert caught.value.status == 422


async def set_for_ever(session: Session, channel: str) -> None:
    """Set a variable until that fails."""
    while True:
        await session.channels.set_channel_var(channel, "A", value="1")


async def test_invalid_state(line: Line) -> None:
    """What can't be done now is told from what can't be found."""
    async with line.one_call() as visit:
        with pytest.raises(InvalidState):
            await visit.call.session.channels.dial(visit.call.id)


async def lost(command: Awaitable[object]) -> bool:
    """Wait for a command's answer; tell whether it was lost."""
    try:
        await command
    except UnknownOutcome:
        return True
    return False


async def test_conflict(line: Line) -> None:
    """A name that is taken is told so."""
    async with line.one_call() as visit, visit.call.recording(line.app) as recording:
        await until(lambda: recording.recording and recording.recording.state == "recording")
        with pytest.raises(Conflict):
            await visit.call.record(line.app)


async def test_false_conflict(line: Line) -> None:
    """Once an id was taken Asterisk may call any failing call a duplicate: it is not believed."""
    endpoint = "PJSIP/nobody" if line.is_real else "Nonsense/1"
    async with line.one_call() as visit:
        session = visit.call.session
        for _ in range(2):
            with pytest.raises(NotCallable):
                async with session.originate(endpoint):
                    pytest.fail("nobody is there")
            with pytest.raises(AriError):
                await session.channels.originate_with_id(visit.call.id, UP, app=line.app)
        async with session.originate(UP) as other:
            assert other.gone is None


@on(*FAKE)
@pytest.mark.usefixtures("short_requests")
async def test_lost_answer(line: Line) -> None:
    """An unanswered command may have been executed: it is not sent twice unless that is harmless.

    Reading is repeated; `continue` looks first whether the call has left; the rest is told.
    """
    async with line.one_call() as visit:
        line.fake.inject(Fault("POST", "channels/*/dtmf", silent=True, times=1))
        with pytest.raises(UnknownOutcome, match="POST channels"):
            await visit.call.send_digits("1")
        assert line.fake.call(visit.call.id).digits_sent == "1"
        line.fake.inject(Fault("POST", "channels/*/continue", silent=True, times=1))
        await visit.call.continue_in_dialplan()
        await until(lambda: visit.call.gone)


@on(*REAL)
@pytest.mark.usefixtures("short_requests")
async def test_frozen(line: Line) -> None:
    """A command to an Asterisk that stands still has an unknown outcome; it comes about later."""
    assert isinstance(line.server, Asterisk)
    async with line.one_call() as visit:
        os.kill(line.server.pid, signal.SIGSTOP)
        try:
            with pytest.raises(UnknownOutcome):
                await visit.call.publish("late")
        finally:
            os.kill(line.server.pid, signal.SIGCONT)
        async with asyncio.timeout(LIMIT):
            while await lost(visit.call.answer()):  # it has some catching up to do
                pass


@on(*FAKE)
async def test_refusal(line: Line) -> None:
    """Any other refusal has Asterisk's own words, and the call goes on."""
    async with line.one_call() as visit:
        line.fake.inject(Fault(path="channels/*/answer", status=500, times=1))
        with pytest.raises(RequestFailed, match="500 Allocation failed") as caught:
            await visit.call.answer()
        await visit.call.answer()

        assert type(caught.value) is RequestFailed
        assert visit.call.gone is None
