"""Starting the bridge beside an Asterisk that refuses, is away, or is not an Asterisk."""

from __future__ import annotations

import asyncio
from pathlib import Path

from dialogari.app.bridge import Bridge
from dialogari.sandbox.asterisk import Asterisk
from dialogari.sandbox.installation import Installation
from model_stub import ModelStub
from pbx_fixtures import make_settings, running_bridge
from phone import DIALPLAN, Phone
from processes import openai, run
from releases import newest_alone


@newest_alone
async def test_a_wrong_password_stops_the_start(
    asterisk: Asterisk, stub: ModelStub, tmp_path: Path
) -> None:
    """Exit 2, the settings named, no traceback, and the password nowhere."""
    ended = await run(
        tmp_path,
        "serve",
        ASTERISK_ARI_URL=asterisk.url,
        ASTERISK_ARI_USERNAME=asterisk.username,
        ASTERISK_ARI_PASSWORD="hunter2",
        WEB_PORT="0",
        **openai(stub),
    )

    assert ended.code == 2
    assert "ASTERISK_ARI_USERNAME, ASTERISK_ARI_PASSWORD: " in ended.err
    assert "Traceback" not in ended.err
    assert "hunter2" not in ended.err


async def test_asterisk_may_start_later(
    asterisk_installation: Installation, stub: ModelStub, tmp_path: Path
) -> None:
    """A bridge that comes up first waits, unready, and answers once Asterisk is there."""
    async with Asterisk(asterisk_installation, dialplan=DIALPLAN) as late:
        await late.stop()
        settings = make_settings(late, stub, tmp_path)
        bridge = Bridge(settings)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bridge.run(lambda _: None))
            await asyncio.sleep(1.0)
            assert not bridge.linked
            assert (await bridge.readiness())["asterisk"] is False
            await late.start()
            async with asyncio.timeout(15):
                await bridge.wait_until_ready()
            async with Phone(late, settings.asterisk_app_name) as phone:
                back = await phone.call("hello")
            bridge.stop()

    assert back["AI_STATUS"] == "ok"


@newest_alone
async def test_the_url_works_without_its_path(
    asterisk: Asterisk, stub: ModelStub, tmp_path: Path
) -> None:
    """`http://HOST:PORT` is enough."""
    url = asterisk.url.removesuffix("/ari")
    settings = make_settings(asterisk, stub, tmp_path, asterisk_ari_url=url)

    async with running_bridge(settings), Phone(asterisk, settings.asterisk_app_name) as phone:
        back = await phone.call("hello")

    assert back["AI_STATUS"] == "ok"
