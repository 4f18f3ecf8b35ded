"""The link: it comes up as soon as it can, proves itself, and notices its end."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ari_serving import Desk, connect_to, serving, unexpected, until
from dialogari.ari import Call, LinkState, Server, Unauthorized, echo, link
from dialogari.ari.request import Request
from dialogari.ari.testing import FakeAsterisk, Fault
from dialogari.sandbox.asterisk import Asterisk
from either_pbx import DIALPLAN, LIMIT, FakePhone, RealPhone
from releases import COMMANDS_ON_THE_SOCKET

if TYPE_CHECKING:
    from pathlib import Path

    from dialogari.sandbox.installation import Installation
    from either_pbx import Phone

USED = ("StasisStart", "StasisEnd", "ChannelUserevent")


@pytest.fixture
def short_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the link proven several times a second."""
    monkeypatch.setattr(link, "ECHO_INTERVAL", 0.2)
    monkeypatch.setattr(echo, "ECHO_TIMEOUT", 0.3)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path="asterisk/info", status=503, times=3),
        Fault(path="asterisk/info", status=404, times=3),
        Fault(path="applications/*", status=404, times=2),
        Fault(path="events/*", status=404, times=2),
        Fault(path="channels", status=404, times=1),
        Fault(path="channels", silent=True, times=1),
    ],
    ids=str,
)
@pytest.mark.usefixtures("short_requests")
async def test_booting(
    fake: FakeAsterisk, app: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An Asterisk that is still starting is tried again until it is ready."""
    monkeypatch.setattr(link, "SNAPSHOT_TIMEOUT", 0.2)
    fake.inject(fault)
    async with serving(fake, app, unexpected) as client:
        assert client.session.state is LinkState.READY


async def test_not_yet_there(fake: FakeAsterisk, app: str) -> None:
    """A client may be started before its Asterisk."""
    async with connect_to(fake, app) as client, asyncio.TaskGroup() as tasks:
        async with fake.down():
            serving = tasks.create_task(client.serve(unexpected, resumed=unexpected))
            await asyncio.sleep(0.2)
            assert client.session.state is LinkState.CONNECTING
        async with asyncio.timeout(LIMIT):
            await client.wait_until_ready()
        serving.cancel()


async def test_wrong_password(phone: Phone, app: str) -> None:
    """At the first connect a refusal is final: someone has to mend a setting."""
    server = Server(phone.server.url, phone.server.username, "wrong")
    async with connect_to(server, app) as client, asyncio.timeout(LIMIT):
        with pytest.raises(Unauthorized) as caught:
            await client.serve(unexpected, resumed=unexpected)

    assert caught.value.status == 401


async def test_missing_rights(fake: FakeAsterisk, app: str) -> None:
    """So it is for a user that may only read."""
    fake.inject(Fault(method="PUT", status=403, message="Write access denied"))
    async with connect_to(fake, app) as client, asyncio.timeout(LIMIT):
        with pytest.raises(Unauthorized) as caught:
            await client.serve(unexpected, resumed=unexpected)

    assert caught.value.status == 403


async def test_password_that_changes(fake: FakeAsterisk, app: str) -> None:
    """Later a refusal is no end: running calls go on, and the settings may come back."""
    desk = Desk()
    async with serving(fake, app, desk.hold) as client:
        call = await fake.enter_stasis(app)
        await desk.first()
        fake.password = "another"
        await fake.drop()
        await asyncio.sleep(0.3)
        assert client.session.state is LinkState.CONNECTING
        assert client.calls == 1
        fake.password = FakeAsterisk.password
        await until(lambda: client.session.state is LinkState.READY)
        desk.go.set()
        await call.left()


@pytest.mark.parametrize("original", COMMANDS_ON_THE_SOCKET, indirect=True)
@pytest.mark.usefixtures("short_requests")
async def test_answers_held_back(phone: Phone, app: str) -> None:
    """Where the socket brings events but no answers, commands find their way all the same.

    Such a filter may be set by anyone who knows the application's name.
    """
    served: list[Call] = []

    async def handle(call: Call) -> None:
        for number in range(5):
            await call.set_variables({"A": str(number)})
        assert await call.get_variable("A") == "4"
        await call.continue_in_dialplan()
        served.append(call)

    async with serving(phone.server, app, handle) as client:
        allowed = b",".join(b'{"type":"%s"}' % name.encode() for name in USED)
        path = f"applications/{app}/eventFilter"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):  # even this answer is held back
                await client.session.send(Request("PUT", path, b'{"allowed":[%s]}' % allowed))
        began = time.monotonic()
        await phone.call(app)
        await until(lambda: served)

        assert time.monotonic() - began < 1.0
        assert client.session.state is LinkState.READY


@pytest.mark.usefixtures("short_requests")
async def test_one_slow_command(fake: FakeAsterisk, app: str) -> None:
    """A command that takes long on the socket holds up those of other calls once, not each."""
    desk = Desk()
    async with serving(fake, app, desk.hold), asyncio.TaskGroup() as tasks:
        await fake.enter_stasis(app, variables={"A": "1"})
        call = await desk.first()
        fake.inject(Fault(path="channels/*/variables", delay=1.5, times=1))
        slow = tasks.create_task(call.set_variables({"B": "2"}))
        await asyncio.sleep(0.25)
        began = time.monotonic()
        for _ in range(10):
            assert await call.get_variable("A") == "1"

        assert time.monotonic() - began < 0.5
        await slow


async def test_undescribed(asterisk_installation: Installation, tmp_path: Path, app: str) -> None:
    """An Asterisk that can't find its own descriptions is served in the older way."""
    installation = replace(asterisk_installation, rest_api=tmp_path / "nothing")
    async with Asterisk(installation, dialplan=DIALPLAN) as asterisk:
        await check_serving(RealPhone(asterisk), app)


async def test_undescribed_fake(fake: FakeAsterisk, app: str) -> None:
    """The same on the double, which can be had everywhere."""
    fake.inject(Fault(path="api-docs/*", status=500))
    await check_serving(FakePhone(fake), app)


async def check_serving(phone: Phone, app: str) -> None:
    """Let a call be served."""
    served: list[str | None] = []

    async def handle(call: Call) -> None:
        await call.set_variables({"A": "1", "B": "2"})
        served.append(await call.get_variable("A"))

    async with serving(phone.server, app, handle):
        await phone.call(app)
        await until(lambda: served)

    assert served == ["1"]
