"""Who has the application, told by a real Asterisk without taking it from anyone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

import either_pbx
from ari_serving import connect_to
from dialogari.ari.interest import DISALLOWED
from dialogari.doctor.findings import Verdict
from doctor.conftest import APPLICATION
from doctor.patient import examine, serve
from pbx_fixtures import running_bridge

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from dialogari.ari import Call, Client
    from dialogari.config import Settings
    from dialogari.sandbox.asterisk import Asterisk


async def test_another_program_has_it(settings: Settings, patient: Asterisk, etc: Path) -> None:
    """It is told, and that program keeps the application: nothing reaches its socket."""
    async with either_pbx.connect(patient, APPLICATION) as other:
        report = await examine(settings, etc)
        heard = await other.listen()
        assert await other.send("GET", f"applications/{APPLICATION}")

    assert report.bad == {"application.foreign": Verdict.FAIL}
    assert heard == []


async def test_another_dialogari_has_it(settings: Settings, patient: Asterisk, etc: Path) -> None:
    """A bridge that is not on this WEB_PORT is told as one, and stays linked."""
    async with _other_bridge(patient) as other:
        report = await examine(settings, etc)
        await asyncio.sleep(either_pbx.QUIET)
        assert other.session.state == "ready"

    assert report.bad == {"application.other_bridge": Verdict.WARN}


async def test_the_bridge_has_lost_it(settings: Settings, patient: Asterisk, etc: Path) -> None:
    """The bridge of this machine runs, but another has taken its application."""
    async with running_bridge(settings) as bridge, _other_bridge(patient) as other:
        async with asyncio.timeout(10):
            while bridge.linked:
                await asyncio.sleep(0.02)
        report = await examine(settings, etc)
        assert other.session.state == "ready"

    assert report.bad == {
        "bridge.not_ready": Verdict.WARN,
        "application.taken_over": Verdict.FAIL,
    }


async def test_calls_that_a_dead_bridge_left(
    settings: Settings, patient: Asterisk, etc: Path
) -> None:
    """Calls wait in the application of a bridge that died."""
    target = {"context": "ask-ai", "extension": "s", "priority": 1}
    async with either_pbx.connect(patient, APPLICATION) as dying:
        path = f"applications/{APPLICATION}/eventFilter"
        filtered = {"disallowed": [{"type": name} for name in DISALLOWED]}
        await dying.send("PUT", path, filtered)
        await dying.send("POST", "channels/left", {"endpoint": "Local/s@ask-ai/n", **target})
        await dying.event("StasisStart")
    report = await examine(settings, etc)
    async with either_pbx.bare_session(patient) as session:
        await either_pbx.send(session, f"{patient.url}/channels/left", "DELETE")

    assert report.bad == {"application.calls_waiting": Verdict.WARN}


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (
            {"asterisk": False, "model": True},
            {"bridge.not_ready": Verdict.WARN, "application.unregistered": Verdict.FAIL},
        ),
        ({"asterisk": True, "model": True}, {"application.not_here": Verdict.WARN}),
        (None, {"bridge.port_taken": Verdict.FAIL}),
    ],
)
async def test_what_listens_on_the_web_port(
    settings: Settings, etc: Path, parts: dict[str, bool] | None, found: dict[str, Verdict]
) -> None:
    """A bridge without a link, one of another application, and no bridge at all."""

    async def answer(_: web.Request) -> web.Response:
        body: dict[str, Any] = {"status": "x", "parts": parts} if parts else {"hello": "world"}
        return web.json_response(body, status=503)

    async with serve(answer) as port:
        report = await examine(settings.model_copy(update={"web_port": port}), etc)

    assert report.bad == found


@asynccontextmanager
async def _other_bridge(asterisk: Asterisk) -> AsyncGenerator[Client]:
    """Run what Asterisk sees of a bridge: the client that bridges have, which answers nobody."""
    async with connect_to(asterisk, APPLICATION) as other, asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(other.serve(_hold, resumed=_hold))
        async with asyncio.timeout(10):
            await other.wait_until_ready()
        yield other
        serving.cancel()


async def _hold(_call: Call) -> None:
    await asyncio.sleep(3600)
