"""G10. The same program serves calls on every line: ours to Asterisk, its one, or its many to us.

A persistent link brings what it missed, a call with a socket of its own may have no StasisStart: a
handler sees the same `Call` all the same, once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ari_line import PASSWORD, PATH, PER_CALL, PERSISTENT, USERNAME, gap, on, ready
from ari_serving import Desk, back_in_the_dialplan, until
from dialogari.ari import Call, PlaybackEnd
from dialogari.ari.models import StasisEnd, StasisStart
from dialogari.ari.testing import Outbound
from dialogari.sandbox.asterisk import Asterisk
from dialogari.sandbox.outbound import OutboundSocket
from either_pbx import LIMIT

if TYPE_CHECKING:
    import pytest

    from ari_line import Line


async def test_whole_visit(line: Line) -> None:
    """Whatever a handler can do to its call it can do on every line."""
    said: list[object] = []

    async def handle(call: Call) -> None:
        session = call.session
        await call.answer()
        await call.set_variables({"A": "1,2", "B": "ñ"})
        said.append(await call.get_variable("GIVEN"))
        said.append(await call.play("digits:1"))
        said.append(await call.get_variable("A"))
        async with session.bridge() as bridge, session.originate("Local/up@line/n") as other:
            await bridge.add(call, other)
            await until(lambda: set(bridge.channels) == {call.id, other.id})
        async with call.recording(f"of-{line.app}", seconds=5):
            pass
        said.append((await session.recordings.get_stored(f"of-{line.app}")).name)
        said.append(call)

    async with line.serving(handle) as client:
        phone = await line.call()
        await until(lambda: len(said) == 5)
        assert said[:3] == ["by the dialplan", PlaybackEnd.DONE, "1,2"]
        call = said[4]
        assert isinstance(call, Call)
        assert call.arguments[0] == "one"
        await back_in_the_dialplan(phone, call)
        await until(lambda: client.calls == 0)


@on(*PERSISTENT)
async def test_call_while_we_were_away(line: Line) -> None:
    """A persistent link brings what it missed: a call that came then is served once, as new."""
    desk = Desk()
    async with line.serving(desk.hold) as client:
        with line.cable.unplugged():
            await asyncio.sleep(0.1)  # until both sides know
            await line.call()
        call = await desk.first()
        await ready(client.session)
        await asyncio.sleep(0.4)

        assert desk.calls == [call]
        assert call.arguments[0] == "one"
        assert client.session.generation == 2


@on(*PERSISTENT)
async def test_call_that_came_and_went(line: Line) -> None:
    """One that has gone again by then is told of too, and its handler is cancelled, if it began."""
    desk = Desk()
    async with (
        line.serving(desk.hold) as client,
        client.session.listen(types=(StasisStart, StasisEnd)) as events,
        asyncio.timeout(LIMIT),
    ):
        with line.cable.unplugged():
            await asyncio.sleep(0.1)
            phone = await line.call()
            await asyncio.sleep(0.2)
            await phone.hang_up()
        told = [await anext(events), await anext(events)]
        await until(lambda: not client.calls)

        assert [type(event) for event in told] == [StasisStart, StasisEnd]
        assert len(desk.calls) <= 1


@on(*PER_CALL)
async def test_session_of_a_call(line: Line) -> None:
    """A call with a socket of its own has a session of its own, which ends with it."""
    async with line.one_call() as visit:
        await line.call()
        await until(lambda: len(visit.desk.calls) == 2)
        one, other = visit.desk.calls
        assert one.session is not other.session
        assert one.session.application.startswith(f"{line.app}:")
        assert one.session.dialplan_name == line.app
        await visit.phone.hang_up()
        await one.wait_until_gone()
        await until(lambda: visit.client.sessions == [other.session])
        async with one.session.listen() as events, asyncio.timeout(LIMIT):
            assert [event async for event in events] == []

        assert other.gone is None


@on(*PER_CALL)
async def test_cut_has_no_second_start(line: Line) -> None:
    """A cut socket of a call comes again without its StasisStart: the call goes on by itself."""
    async with line.one_call() as visit:
        await gap(line, visit.call.session)
        await visit.call.set_variables({"A": "1"})

        assert visit.desk.calls == [visit.call]
        assert visit.client.sessions == [visit.call.session]


@on(*PERSISTENT)
async def test_stranger(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    """A socket of an application that is not ours is told of, and does no harm."""
    url, other = f"ws://127.0.0.1:{line.cable.port}{PATH}", f"{line.app}-2"
    async with line.one_call() as visit:
        if isinstance(line.server, Asterisk):
            out = OutboundSocket(other, url, USERNAME, PASSWORD, (other,))
            await line.server.connect_out(out)
        else:
            await line.fake.connect_out(Outbound(url, USERNAME, PASSWORD, (other,)))
        await until(lambda: "ari_socket_foreign" in caplog.messages)
        await visit.call.answer()
        if isinstance(line.server, Asterisk):
            await line.server.disconnect_out(other)

        assert len(visit.client.sessions) == 1


async def test_nothing_is_left(line: Line) -> None:
    """When the client has ended no task of it is left, and no connection."""

    def ours() -> set[asyncio.Task[object]]:
        return {task for task in asyncio.all_tasks() if "/dialogari/ari/" in repr(task)}

    before = set[asyncio.Task[object]]() if line.is_real else ours()
    async with line.one_call() as visit:
        await gap(line, visit.call.session)
    left = {task for task in ours() - before if "/testing/" not in repr(task)}

    assert not left
    assert not visit.client.sessions[0].calls
