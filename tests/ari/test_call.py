"""A call's handle: variables in and out, and the errors of a call that is gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ari_serving import Desk, serving
from dialogari.ari import Call, ChannelGone, GoneReason, RequestFailed
from dialogari.ari.testing import FakeAsterisk, Fault
from either_pbx import LIMIT

if TYPE_CHECKING:
    from either_pbx import Phone

ODD = 'a,b "c" (d ${EXTEN} \\ ñ 😀\n;|'


async def test_what_it_knows(phone: Phone, app: str) -> None:
    """It has the channel, the arguments as Asterisk split them, and the server."""
    desk = Desk()
    async with serving(phone.server, app, desk.hold):
        await phone.call(app)
        call = await desk.first()

    assert call.arguments[0] == "one"
    assert call.arguments[1].startswith("UNIQUEID=")
    assert call.id == call.channel.id
    assert call.server == phone.server.url


async def test_variables(phone: Phone, app: str) -> None:
    """Variables of the dialplan can be read, new ones set; one that is not set is None."""
    desk = Desk()
    async with serving(phone.server, app, desk.hold):
        await phone.call(app)
        call = await desk.first()
        await call.set_variables({"A": ODD, "B": "", "C": "7"})
        await applied(call, "C")

        assert await call.get_variable("GIVEN") == "by the dialplan"
        assert await call.get_variable("A") == ODD
        assert await call.get_variable("C") == "7"
        assert await call.get_variable("NEVER_SET") is None
        assert await call.get_variable("A B?C&D/é%41") is None


async def test_brackets_alone(phone: Phone, app: str) -> None:
    """Whatever has a meaning to Asterisk's splitting arrives too, however much there is of it."""
    values = {f"V{number}": 4_000 * odd for number, odd in enumerate('(][)",\\')}
    desk = Desk()
    async with serving(phone.server, app, desk.hold):
        await phone.call(app)
        call = await desk.first()
        await call.set_variables({**values, "LAST": "1"})
        await applied(call, "LAST")

        assert {name: await call.get_variable(name) for name in values} == values


@pytest.mark.parametrize(
    ("over_socket", "bulk"), [(True, True), (True, False), (False, False)], ids=str
)
async def test_order(app: str, over_socket: bool, bulk: bool) -> None:
    """Variables are set in the order given, on a new Asterisk and on old ones."""
    values = {name: name.lower() for name in "ZAYBX"}
    desk = Desk()
    async with (
        FakeAsterisk(rest_over_websocket=over_socket, bulk_variables=bulk) as fake,
        serving(fake, app, desk.hold),
    ):
        call = await fake.enter_stasis(app)
        await (await desk.first()).set_variables(values)

    assert list(call.variables.items()) == list(values.items())


async def test_refused_variable(fake: FakeAsterisk, app: str) -> None:
    """A refusal that does not mean "gone" is an error, and the call goes on."""
    desk = Desk()
    async with serving(fake, app, desk.hold):
        await fake.enter_stasis(app)
        call = await desk.first()
        fake.inject(Fault(path="channels/*/variable*", status=500, times=2))

        with pytest.raises(RequestFailed, match="500 Allocation failed"):
            await call.get_variable("A")
        with pytest.raises(RequestFailed):
            await call.set_variables({"A": "1"})
        await call.set_variables({"A": "1"})

        assert await call.get_variable("A") == "1"
        assert call.gone is None


@pytest.mark.usefixtures("short_requests")
async def test_lost_answer(fake: FakeAsterisk, app: str) -> None:
    """Reading and setting are repeated another way when an answer is lost."""
    desk = Desk()
    async with serving(fake, app, desk.hold):
        entered = await fake.enter_stasis(app, variables={"A": "1"})
        call = await desk.first()
        fake.inject(Fault(path="channels/*/variable", silent=True, times=1))
        assert await call.get_variable("A") == "1"
        fake.inject(Fault(path="channels/*/variables", silent=True, times=1))
        await call.set_variables({"B": "2"})

    assert entered.variables == {"B": "2"}


async def test_gone_before_the_event(fake: FakeAsterisk, app: str) -> None:
    """A command may learn that the caller has left before the event says so."""
    desk = Desk()
    async with serving(fake, app, desk.hold):
        entered = await fake.enter_stasis(app)
        call = await desk.first()
        await entered.vanish()

        with pytest.raises(ChannelGone) as caught:
            await call.get_variable("A")

    assert caught.value.reason is call.gone is GoneReason.NOT_FOUND


async def applied(call: Call, name: str) -> None:
    """Wait until what was set can be read: an Asterisk before 20.10 takes up to 200 ms."""
    async with asyncio.timeout(LIMIT):
        while await call.get_variable(name) is None:
            await asyncio.sleep(0.01)
