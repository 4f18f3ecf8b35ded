"""A softphone calls the demo: registers as the screen says, dials, hears, and is answered there."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from dialogari.sandbox.fetch import default_cache
from model_stub import ModelStub
from processes import Ended, open_process, openai, run
from sipp import require_sipp, run_sipp

if TYPE_CHECKING:
    from dialogari.sandbox.installation import Installation

SCENARIO = Path(__file__).parent / "data/sip-softphone.xml"
SILENCE = {0xFF, 0x7F, 0xFE, 0x7E}
"""Nothing, or next to it, in µ-law."""


async def test_a_softphone_registers_and_calls(
    asterisk_installation: Installation, tmp_path: Path
) -> None:
    """What the demo prints is enough to register and call; the answer is seen, something heard."""
    require_sipp()
    assert asterisk_installation.version
    cache = {"XDG_CACHE_HOME": str(default_cache().parent.parent)}
    lines = ("--say", "first", "--say", "¿segunda?")
    async with (
        ModelStub() as stub,
        open_process(tmp_path, "demo", "--keep", "--sip", *lines, **openai(stub), **cache) as demo,
    ):
        screen = await demo.read_until("Ctrl-C ends them all.")
        assert "  dial 2    ¿segunda?\n" in screen
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as ear:
            ear.bind(("127.0.0.1", 0))
            ear.setblocking(False)
            ended = await _call(screen, "2", ear, tmp_path)
            loud = _count_loud_packets(ear)
        assert ended.code == 0, ended.err
        answered = await demo.read_until("AI_LATENCY_MS")
        demo.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            assert await demo.process.wait() == 0

    assert "USER_INPUT ¿segunda?\nAI_RESPONSE You said ¿segunda?\nAI_STATUS ok\n" in answered
    assert loud > 10


async def test_sip_needs_keep(tmp_path: Path) -> None:
    """A demo that ends at once can't be called: wrong usage, in one line."""
    ended = await run(tmp_path, "demo", "--sip")

    assert ended.code == 2
    assert ended.err.startswith("--sip needs --keep")


async def _call(screen: str, number: str, ear: socket.socket, folder: Path) -> Ended:
    user, password, port = (
        re.findall(rf"^  {what}[ ,].*?(\S+?)(?:, UDP)?$", screen, re.MULTILINE)[0]
        for what in ("user", "password", "server")
    )
    scenario = folder / "scenario.xml"
    text = SCENARIO.read_text().replace("SIP_USER", user).replace("SIP_PASSWORD", password)
    scenario.write_text(text)
    return await run_sipp(
        scenario, int(port), folder,
        *("-m", "1", "-s", number, "-key", "user", user),
        *("-key", "ear", str(ear.getsockname()[1])),
    )  # fmt: skip


def _count_loud_packets(ear: socket.socket) -> int:
    """Return in how many RTP packets that have come there is more than silence."""
    loud = 0
    while True:
        try:
            packet = ear.recv(2048)
        except BlockingIOError:
            return loud
        loud += bool(set(packet[12:]) - SILENCE)
