"""Every example of docs/ari.md and docs/ari-migration.md does what the page says it does.

`test_NAME` runs the function NAME of the pages, with a caller who does what it expects, on
FakeAsterisk and on real ones. Whole programs, and files of Asterisk's, are test_docs_programs.py's.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Generator
from dataclasses import replace
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import pytest

import either_pbx
from ari_serving import back_in_the_dialplan, connect_to, server_of, serving, unexpected, until
from cable import Cable
from documents import DOCS, examples
from either_pbx import LIMIT, Phone
from stage import Stage, press_at, variable

EXAMPLES = {
    example.name: example
    for page in ("ari.md", "ari-migration.md")
    for example in examples(page, "python")
    if not example.is_program
}
ANSWERING = {"PJSIP/alice": "Local/up@line/n"}
"""Who answers at once on both kinds of Asterisk."""


@pytest.fixture
def stage(phone: Phone, app: str, request: pytest.FixtureRequest) -> Stage:
    """The example that the test is named after, on the stage."""
    return Stage(phone, app, EXAMPLES[request.node.originalname.removeprefix("test_")])


@pytest.fixture(autouse=True)
def no_fault(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    """Fail a test whose example ended in an error, which a client only logs."""
    yield
    faults = [one.msg for one in caplog.get_records("call") if one.levelname == "ERROR"]
    assert faults == []


def test_all() -> None:
    """No example is left out."""
    assert [name for name in EXAMPLES if f"test_{name}" not in globals()] == []


def test_guarantees() -> None:
    """Each module of tests for a guarantee is named on the page, and by its number."""
    page = (DOCS / "ari.md").read_text(encoding="utf-8")
    named = dict(re.findall(r"^\| (G\d+) \| .* \| `(test_g\d\d_)\*` \|$", page, re.MULTILINE))
    assert named == {f"G{number}": f"test_g{number:02}_" for number in range(1, 14)}
    for module in Path(__file__).with_name("guarantees").glob("test_*.py"):
        assert module.name[: len("test_g00_")] in named.values()


async def test_look_up(stage: Stage) -> None:
    """It reads what came with the call, and the dialplan gets the variables."""
    async with stage.called() as call:
        await back_in_the_dialplan(stage.phone, call)

    assert stage.printed[0].startswith(f"{call.id} {call.channel.name}")
    assert stage.printed[1].startswith("Stasis() said ('one', 'UNIQUEID=")
    assert stage.printed[2] == "the dialplan set by the dialplan"
    assert await variable(stage.phone, call, "LIMIT") == "1,000"


async def test_ring_out(stage: Stage) -> None:
    """A hang-up cancels it, and it says why."""
    async with stage.called() as call:
        await stage.sounds("tone:ring")
        await stage.phone.hang_up()

    assert stage.printed == [f"{call.id} is over: stasis_end 16"]


async def test_menu(stage: Stage) -> None:
    """Keys choose: a wrong one is told, a number is said back, and the call goes on elsewhere."""
    async with stage.called({'context="sales"': 'context="line"'}) as call:
        await stage.sounds("sound:vm-enter-num-to-call")
        await stage.phone.press("9")
        await stage.sounds("sound:beeperr")
        await stage.sounds("sound:vm-enter-num-to-call")
        await stage.phone.press("2")
        await stage.sounds("sound:vm-toenternumber")
        await stage.phone.press("34#")
        await stage.sounds("digits:34")
        await stage.sounds("sound:vm-enter-num-to-call")
        await stage.phone.press("1")

    assert call.released


async def test_wait_with_music(stage: Stage) -> None:
    """What plays in the background is stopped at the end of its scope."""
    async with stage.called():
        await stage.sounds("sound:hello-world")

    assert stage.printed == ["None", "stopped"]


async def test_take_message(stage: Stage) -> None:
    """A key ends the message, which is played back, and deleted."""
    async with stage.called() as call:
        await stage.sounds(f"message-{call.id}")
        await asyncio.sleep(0.3)
        await stage.phone.press("#")
        await stage.sounds(f"recording:message-{call.id}")

    assert stage.printed[0].startswith("done wav ")


async def test_connect_to_alice(stage: Stage) -> None:
    """The two talk until one of them hangs up; then nothing of it is left."""
    async with stage.called(ANSWERING):
        alice = await stage.bridged(2)
        await stage.phone.hang_up()
        await until(lambda: not stage.client.calls)

        assert await stage.session.bridges.list() == []
        assert alice not in [channel.id for channel in await stage.session.channels.list()]
    assert stage.printed == []


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ("Local/busy@line/n", "alice did not answer: 17"),
        ("Nothing/alice", "alice is not there"),
    ],
)
async def test_connect_to_alice_in_vain(phone: Phone, app: str, endpoint: str, told: str) -> None:
    """Why nobody talks is told, and the call goes on."""
    stage = Stage(phone, app, EXAMPLES["connect_to_alice"])
    async with stage.called({"PJSIP/alice": endpoint}):
        pass

    assert stage.printed == [told]


async def test_with_hold(stage: Stage) -> None:
    """The other one's key takes the caller out of the bridge, and back; her hang-up ends it."""
    async with stage.called(ANSWERING):
        alice = await stage.bridged(2)
        await press_at(stage.phone, alice, "*")
        assert await stage.bridged(1) == alice
        await press_at(stage.phone, alice, "*")
        assert await stage.bridged(2) == alice
        await stage.session.channels.hangup(alice)


async def test_tell_keys(stage: Stage) -> None:
    """A key that is pressed while something plays is told."""
    async with stage.called():
        await stage.phone.press("7")

    assert stage.printed[0].startswith("pressed 7 for ")


async def test_watch_lamp(stage: Stage) -> None:
    """A subscription brings the events of a thing beside the calls."""
    async with (
        serving(stage.phone.server, stage.app, unexpected) as client,
        stage.used_by(client),
    ):
        await client.session.device_states.update("Stasis:lamp", "NOT_INUSE")
        async with asyncio.timeout(LIMIT):
            while not stage.printed:
                await client.session.device_states.update("Stasis:lamp", "INUSE")
                await client.session.device_states.update("Stasis:lamp", "BUSY")
        await client.session.device_states.delete("Stasis:lamp")

    assert stage.printed[0].startswith("Stasis:lamp is ")


async def test_wait_for_payment(stage: Stage) -> None:
    """A user event about a call reaches its handler."""
    async with stage.called() as call:
        await call.publish("other", {"amount": 1})
        await call.publish("paid", {"amount": 12})

    assert stage.printed == ["paid 12"]


async def test_look_around(stage: Stage) -> None:
    """Operations work, and their errors say what is missing."""
    async with connect_to(stage.phone.server, stage.app) as client, stage.used_by(client):
        await until(lambda: stage.printed[-1:] == ["no such channel"])

    assert stage.printed[0].split()[0] == client.session.version


async def test_serve(stage: Stage) -> None:
    """A call that was left over is resumed; one that a gap did not end is told so."""
    phone = stage.phone
    async with either_pbx.connect(phone.server, stage.app) as before:
        await phone.call(stage.app)
        left_over = (await before.event("StasisStart"))["channel"]["id"]
    async with Cable(urlsplit(phone.server.url).port or 0) as cable:
        server = replace(server_of(phone.server), url=f"http://127.0.0.1:{cable.port}/ari")
        async with connect_to(server, stage.app) as client, stage.used_by(client):
            await client.wait_until_ready()
            async with asyncio.timeout(LIMIT):
                while (await client.session.channels.get(left_over)).dialplan.app_name == "Stasis":
                    await asyncio.sleep(0.02)
            await until(lambda: not client.calls)
            await phone.hang_up()
            await phone.call(stage.app)
            await until(lambda: client.calls)
            cable.cut()
            await until(lambda: "Resumed 2" in stage.printed)
            await phone.hang_up()
            await until(lambda: not client.calls)

    assert stage.printed == ["Recovered 2", "Resumed 2"]


async def test_dial_and_talk(stage: Stage) -> None:
    """When the called one hangs up, so does the caller's line."""
    async with stage.called(ANSWERING) as call:
        await stage.session.channels.hangup(await stage.bridged(2))

    assert call.released


async def test_test_menu() -> None:
    """The test that the page shows passes."""
    test = cast("Callable[[], Coroutine[None, None, None]]", EXAMPLES["test_menu"].function([], {}))
    await test()
