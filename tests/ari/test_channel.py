"""What can be done to a channel, and how it leaves by our own doing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ari_serving import back_in_the_dialplan, connect_to, one_call, serving, until
from dialogari.ari import Call, ChannelGone, GoneReason, MoveFailed, RequestFailed
from dialogari.ari.models import ChannelUserevent
from dialogari.ari.testing import FakeAsterisk
from either_pbx import LIMIT, FakePhone

if TYPE_CHECKING:
    from either_pbx import Phone


async def test_answer(phone: Phone, app: str) -> None:
    """A call that rings can be answered, and is up then."""
    calls: list[Call] = []

    async def handle(call: Call) -> None:
        assert call.channel.state == "Ring"
        await call.ring()
        await call.stop_ringing()
        await call.answer()
        await call.answer()
        assert (await call.session.channels.get(call.id)).state == "Up"
        calls.append(call)

    async with serving(phone.server, app, handle):
        await phone.call(app, extension="early")
        await until(lambda: calls)
        await back_in_the_dialplan(phone, calls[0])


async def test_commands(phone: Phone, app: str) -> None:
    """Hold, music, silence in either direction and digits, on and off."""
    async with one_call(phone, app) as (_, call):
        await call.hold()
        await call.unhold()
        await call.mute()
        await call.unmute("in")
        await call.unmute("out")
        await call.start_moh()
        await call.stop_moh()
        await call.send_digits("12")
        with pytest.raises(RequestFailed):
            await call.redirect("Nonsense/1")


async def test_digits_arrive(fake: FakeAsterisk, app: str) -> None:
    """The other side hears the digits that are sent."""
    async with one_call(FakePhone(fake), app) as (_, call):
        await call.send_digits("12")
        await until(lambda: fake.call(call.id).digits_sent == "12")


async def test_user_event(phone: Phone, app: str) -> None:
    """An application can tell its own listeners something, about a call or not."""
    async with (
        one_call(phone, app) as (client, call),
        client.session.listen(types=(ChannelUserevent,)) as everything,
        call.listen(ChannelUserevent) as of_call,
        asyncio.timeout(LIMIT),
    ):
        await client.session.publish("news")
        await call.publish("noted", {"amount": 7, "who": ["a", "b"]})
        noted = await anext(of_call)
        names = [(await anext(everything)).eventname for _ in range(2)]

        await phone.hang_up()
        await call.wait_until_gone()
        with pytest.raises(ChannelGone):
            await call.publish("late")
        with pytest.raises(RequestFailed):
            await client.session.publish("x", about="nonsense:1")

    assert names == ["news", "noted"]
    assert noted.userevent["amount"] == 7
    assert noted.userevent["who"] == ["a", "b"]


@pytest.mark.parametrize("cause", [None, 17])
async def test_hang_up(phone: Phone, app: str, cause: int | None) -> None:
    """Who hangs up goes on: the handler is not cancelled for it."""
    ended: list[Call] = []

    async def handle(call: Call) -> None:
        await call.hang_up(cause)
        assert await call.wait_until_gone() is GoneReason.STASIS_END
        await asyncio.sleep(0.1)
        await call.hang_up()
        with pytest.raises(ChannelGone):
            await call.answer()
        ended.append(call)

    async with serving(phone.server, app, handle):
        await phone.call(app)
        await until(lambda: ended)


async def test_move(phone: Phone, app: str) -> None:
    """Another application gets the call, with arguments as they were; this handler goes on."""
    other = f"{app}-other"
    arrived: list[Call] = []
    ended: list[Call] = []

    async def handle(call: Call) -> None:
        with pytest.raises(ValueError, match="comma"):
            await call.move(other, "a,b")
        await call.move(other, 'a "b\\', "(c")
        await asyncio.sleep(0.1)
        ended.append(call)

    async def receive(call: Call) -> None:
        arrived.append(call)

    async with serving(phone.server, other, receive), serving(phone.server, app, handle):
        await phone.call(app)
        await until(lambda: arrived and ended)
        await back_in_the_dialplan(phone, arrived[0])

    assert arrived[0].arguments == ('a "b\\', "(c")
    assert ended[0].gone is GoneReason.STASIS_END


async def test_move_to_nobody(phone: Phone, app: str) -> None:
    """Without such an application the call stays, and its handler is cancelled by a hang-up."""
    async with one_call(phone, app) as (_, call):
        with pytest.raises(MoveFailed) as caught:
            await call.move("nobody")
        assert caught.value.application == "nobody"
        assert not call.released
        await call.answer()


async def test_listening_to_what_is_gone(phone: Phone, app: str) -> None:
    """A listener of a channel that is gone ends at once."""
    async with one_call(phone, app) as (_, call):
        await phone.hang_up()
        await call.wait_until_gone()
        async with call.listen() as events, asyncio.timeout(LIMIT):
            assert [event async for event in events] == []


async def test_spawned_too_late(fake: FakeAsterisk, app: str) -> None:
    """What a session is to do while its client ends never begins."""
    began: list[bool] = []

    async def begin() -> None:
        began.append(True)

    async with connect_to(fake, app) as client:
        session = client.session
    session.spawn(begin())
    await asyncio.sleep(0)

    assert began == []
