"""What `dialogari dialplan` prints, loaded as it stands into a real Asterisk, and called."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from ari_serving import connect_to
from dialogari.dialplan.samples import PASSWORD
from dialogari.sandbox.asterisk import Asterisk
from pbx_fixtures import make_settings, running_bridge
from phone import DIALPLAN, Phone
from processes import run

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from dialogari.ari import Call
    from dialogari.config import Settings
    from dialogari.sandbox.installation import Installation
    from model_stub import ModelStub

APPLICATION = "printed"
DEADLINE = 1.0
NET = 9
"""Seconds of the net that is printed for that deadline."""
CONTEXTS = pytest.mark.parametrize("context", ["ask-ai", "ask-ai-pieces", "ask-ai-limited"])

CALLERS = f"""
[ask]
exten => ask-ai,1,Gosub(ask-ai,s,1)
 same => n,Goto(back,s,1)
exten => ask-ai-pieces,1,Gosub(ask-ai-pieces,s,1)
 same => n,Goto(back,s,1)
exten => ask-ai-limited,1,Gosub(ask-ai-limited,s,1)
 same => n,Goto(back,s,1)
; a site whose calls end after 60 seconds, and one whose calls are about to
exten => within60,1,Set(TIMEOUT(absolute)=60)
 same => n,Gosub(ask-ai-limited,s,1)
 same => n,Set(NET=${{TIMEOUT(absolute)}})
 same => n,Goto(back,s,1)
exten => within2,1,Set(TIMEOUT(absolute)=2)
 same => n,Gosub(ask-ai-limited,s,1)
 same => n,Goto(back,s,1)
{DIALPLAN[DIALPLAN.index("[back]") :]}
[line]
exten => s,1,Wait(600)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def printed(
    asterisk_installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Asterisk]:
    """An Asterisk that has loaded all three files as `dialogari dialplan` prints them."""
    async with Asterisk(asterisk_installation) as asterisk:
        text = await run(
            tmp_path_factory.mktemp("printed"),
            *("dialplan", "--prompt", "reception"),
            ASTERISK_APP_NAME=APPLICATION,
            ASTERISK_ARI_URL=asterisk.url,
            ASTERISK_ARI_USERNAME=asterisk.username,
            ASTERISK_ARI_PASSWORD=asterisk.password,
            TURN_DEADLINE=str(DEADLINE),
        )
        assert text.code == 0
        assert asterisk.password not in text.out
        files = dict(re.findall(r"; ===== (\S+) =====\n(.*?)(?=\n; =====|\Z)", text.out, re.DOTALL))
        assert list(files) == ["extensions.conf", "ari.conf", "http.conf"]
        etc = asterisk.folder / "etc"
        (etc / "ari.conf").write_text(files["ari.conf"].replace(PASSWORD, asterisk.password))
        (etc / "http.conf").write_text(files["http.conf"])
        await asterisk.reload_dialplan(files["extensions.conf"] + CALLERS)
        for module in ("http", "res_ari.so"):
            assert "reloaded successfully" in await asterisk.run_cli(f"module reload {module}")
        yield asterisk


@pytest.fixture
def printed_settings(printed: Asterisk, stub: ModelStub, tmp_path: Path) -> Settings:
    """A bridge's settings for that Asterisk."""
    return make_settings(
        printed, stub, tmp_path, asterisk_app_name=APPLICATION, turn_deadline=DEADLINE
    )


@CONTEXTS
async def test_an_answer(printed: Asterisk, printed_settings: Settings, context: str) -> None:
    """A call through the printed context comes back with the answer, by the prompt named."""
    async with running_bridge(printed_settings), Phone(printed, APPLICATION) as phone:
        back = await phone.call("hello, (you) there", context)

    assert (back["AI_STATUS"], back.read) == ("ok", "You said hello, (you) there")
    assert f"speak this: {back.read}" in _log(printed)


async def test_an_answer_in_pieces(
    printed: Asterisk, printed_settings: Settings, stub: ModelStub
) -> None:
    """Each piece is spoken in its turn, and nothing after the last."""
    sentences = [f"This is sentence number {number} of the answer." for number in range(4)]
    stub.answer, stub.pace = lambda _: " ".join(sentences), 0.1
    async with running_bridge(printed_settings), Phone(printed, APPLICATION) as phone:
        back = await phone.call("hello", "ask-ai-pieces")

    assert (back["AI_STATUS"], back["AI_MORE"], back.branch) == ("ok", "0", "say")
    log = _log(printed)
    places = [log.index(f'"speak this: {sentence}') for sentence in sentences[:2]]
    assert places == sorted(places)
    assert all(sentence in log for sentence in sentences)


@CONTEXTS
async def test_the_bridge_is_away(printed: Asterisk, context: str) -> None:
    """Without a bridge the call goes to `human` at once, and no net is left hanging on it."""
    before = _log(printed).count("a person takes over")
    async with Phone(printed, APPLICATION) as phone:
        back = await phone.call("hello", context, limit=3)

    assert (back.stasis_status, back.branch) == ("FAILED", "human")
    assert _log(printed).count("a person takes over") > before


@CONTEXTS
async def test_the_bridge_dies_in_a_turn(printed: Asterisk, context: str) -> None:
    """A bridge that never answers: past the net, exten T sends the call to `human`."""
    async with _dead_bridge(printed), Phone(printed, APPLICATION) as phone:
        back = await phone.call("hello", context, limit=NET + 5)

    assert (back.stasis_status, back["AI_STATUS"], back.branch) == ("SUCCESS", "", "human")
    assert NET - 1 < back.seconds < NET + 2
    assert f"[T@{context}:1]" in _log(printed)


async def test_a_limit_of_the_site_is_kept(printed: Asterisk, printed_settings: Settings) -> None:
    """After an answer the call has what is left of its own 60 seconds, no more."""
    async with running_bridge(printed_settings), Phone(printed, APPLICATION) as phone:
        back = await phone.call("hello", "within60")

    assert back["AI_STATUS"] == "ok"
    assert 55 < float(back.net) <= 60


async def test_a_limit_of_the_site_that_is_up(printed: Asterisk) -> None:
    """A limit shorter than the net ends the call itself, once, in the middle of a turn."""
    async with _dead_bridge(printed), Phone(printed, APPLICATION) as phone:
        tag = await phone.dial("hello", "within2")
        async with asyncio.timeout(8):
            while "[T@ask-ai-limited:3]" not in _log(printed):
                await asyncio.sleep(0.1)
        assert not phone.came_back(tag)


def _log(asterisk: Asterisk) -> str:
    return (asterisk.folder / "log/console").read_text(errors="replace")


@asynccontextmanager
async def _dead_bridge(asterisk: Asterisk) -> AsyncGenerator[None]:
    """Run a client that takes every call and never answers one."""
    async with (
        connect_to(asterisk, APPLICATION) as client,
        asyncio.TaskGroup() as tasks,
    ):
        serving = tasks.create_task(client.serve(_never, resumed=_never))
        async with asyncio.timeout(10):
            await client.wait_until_ready()
        yield
        serving.cancel()


async def _never(_call: Call) -> None:
    await asyncio.sleep(3600)
