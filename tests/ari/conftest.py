"""A FakeAsterisk, and a telephone on it or on real ones: what can be shown on all of them is."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from ari_serving import UNEXPECTED, server_of
from dialogari.ari import calls, link
from dialogari.ari.request import successful
from dialogari.ari.testing import FakeAsterisk
from dialogari.ari.transport.http import HttpTransport
from dialogari.sandbox.asterisk import Asterisk
from either_pbx import DIALPLAN, LIMIT, FakePhone, RealPhone
from masquerade import DIALPLAN as BY_SIP

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from dialogari.ari.request import Request, Response, Send
    from dialogari.sandbox.installation import Installation
    from either_pbx import Phone


SPOILED = """
[spoil]
; what it waits with is not UTF-8, so that no list of channels can be had
exten => s,1,Answer()
 same => n,WaitExten(60,m(${URIDECODE(ma%F1ana)}))
"""


@pytest.fixture(autouse=True)
def no_unexpected_calls() -> Generator[None]:
    """Fail a test in which a call went to a handler that should get none."""
    UNEXPECTED.clear()
    yield
    assert UNEXPECTED == []


@pytest.fixture
def app() -> str:
    """An application's name that no other test has."""
    return f"app-{secrets.token_hex(4)}"


@pytest_asyncio.fixture
async def fake() -> AsyncGenerator[FakeAsterisk]:
    """A FakeAsterisk without faults."""
    async with FakeAsterisk() as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def real(asterisk_installation: Installation) -> AsyncGenerator[Asterisk]:
    """A real Asterisk for all tests of this folder."""
    async with Asterisk(asterisk_installation, dialplan=DIALPLAN + BY_SIP + SPOILED) as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def real_16(old_installation: Installation) -> AsyncGenerator[Asterisk]:
    """The oldest real Asterisk for all tests of this folder."""
    async with Asterisk(old_installation, dialplan=DIALPLAN + BY_SIP + SPOILED) as running:
        yield running


@pytest.fixture(params=["real", "real_16"])
def pbx(request: pytest.FixtureRequest) -> Asterisk:
    """Each real Asterisk."""
    return request.getfixturevalue(request.param)


@pytest_asyncio.fixture
async def send(pbx: Asterisk) -> AsyncGenerator[Send]:
    """A way to send commands to it, over HTTP."""
    async with HttpTransport(server_of(pbx)) as http:

        async def over_http(request: Request) -> Response:
            return successful(request, await http.send(request, LIMIT))

        yield over_http


@pytest.fixture(params=["fake", "asterisk-22", "asterisk-16"])
def original(request: pytest.FixtureRequest) -> Asterisk | None:
    """A real Asterisk, or None where the test is to use the double."""
    fixtures = {"asterisk-22": "real", "asterisk-16": "real_16"}
    name = fixtures.get(request.param)
    return request.getfixturevalue(name) if name else None


@pytest_asyncio.fixture
async def phone(original: Asterisk | None) -> AsyncGenerator[Phone]:
    """A telephone on a FakeAsterisk, or on a real one."""
    if original is not None:
        real_phone = RealPhone(original)
        yield real_phone
        await real_phone.hang_up()
        return
    async with FakeAsterisk() as double:
        yield FakePhone(double)


@pytest.fixture
def short_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have commands wait a moment only for their answer."""
    monkeypatch.setattr(link, "REQUEST_TIMEOUT", 0.2)


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a call that only the snapshot knows wait a moment only."""
    monkeypatch.setattr(calls, "GRACE", 0.2)
