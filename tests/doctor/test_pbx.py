"""Version, modules, sessions, files and dialplan of a real Asterisk, each wrong once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from dialogari.doctor.configuration import find_configuration
from dialogari.doctor.findings import Verdict
from dialogari.doctor.pbx import blocks_functions, parse_version
from dialogari.sandbox.asterisk import Asterisk, Settings
from doctor.conftest import APPLICATION, DIALPLAN
from doctor.patient import examine, serve
from pbx_fixtures import make_settings, running_bridge

if TYPE_CHECKING:
    from pathlib import Path

    from dialogari.config import Settings as BridgeSettings
    from dialogari.sandbox.installation import Installation
    from doctor.patient import Handler
    from model_stub import ModelStub


async def test_nothing_is_wrong(settings: BridgeSettings, etc: Path, stub: ModelStub) -> None:
    """Before the bridge runs and beside it, a sound installation has not one warning."""
    away = await examine(settings, etc)
    async with running_bridge(settings):
        beside = await examine(settings, etc)

    assert away.bad == beside.bad == {}
    assert "free" in away["application"].text
    assert "belongs to the bridge of this machine" in beside["application"].text
    assert "Asterisk 22" in away["asterisk.version"].text
    assert [asked.question for asked in stub.asked] == ["Are you there?"] * 2


def test_it_changes_nothing(settings: BridgeSettings, patient: Asterisk, tmp_path: Path) -> None:
    """Asterisk's own log shows no call, no application and no warning while it is examined."""
    log = patient.folder / "log/console"
    before = log.stat().st_size
    elsewhere = {"default_ai_model": "local", "openai_base_url": None, "openai_api_key": None}
    asyncio.run(examine(settings.model_copy(update=elsewhere), patient.folder / "etc"))
    asyncio.run(examine(settings.model_copy(update=elsewhere), tmp_path / "none"))

    assert log.read_bytes()[before:] == b""
    assert not list(tmp_path.iterdir())


async def test_modules_are_missing(settings: BridgeSettings, patient: Asterisk, etc: Path) -> None:
    """A module that calls need, and one that the sample dialplan wants."""
    taken = ("app_stasis.so", "func_timeout.so")
    for module in taken:
        await patient.run_cli(f"module unload {module}")
    try:
        report = await examine(settings, etc)
    finally:
        for module in taken:
            await patient.run_cli(f"module load {module}")

    assert report.bad == {"modules.missing": Verdict.FAIL, "modules.dialplan": Verdict.WARN}
    assert "app_stasis.so" in report["modules.missing"].text


async def test_the_write_timeout(settings: BridgeSettings, patient: Asterisk, etc: Path) -> None:
    """Asterisk's default of 100 ms is told by ARI itself, without its files."""
    file = etc / "ari.conf"
    sound = file.read_text()
    file.write_text(sound.replace("websocket_write_timeout = 5000", ""))
    await patient.run_cli("module reload res_ari.so")
    try:
        report = await examine(settings, etc / "none")
    finally:
        file.write_text(sound)
        await patient.run_cli("module reload res_ari.so")

    assert report["ari.write_timeout_low"].verdict is Verdict.WARN
    assert "100 ms" in report["ari.write_timeout_low"].text


async def test_the_session_limit(
    asterisk_installation: Installation, stub: ModelStub, tmp_path: Path
) -> None:
    """A limit of five is read in http.conf, and without that found by connecting."""
    async with Asterisk(
        asterisk_installation, dialplan=DIALPLAN, settings=Settings(session_limit=5)
    ) as narrow:
        settings = make_settings(narrow, stub, tmp_path, asterisk_app_name=APPLICATION)
        read = await examine(settings, narrow.folder / "etc")
        tried = await examine(settings, tmp_path / "none")
        again = await examine(settings, narrow.folder / "etc")

    assert read.bad == again.bad == {"sessions.limit_low": Verdict.FAIL}
    assert tried.bad == {"sessions.few_left": Verdict.WARN, "files.unreadable": Verdict.FAIL}


async def test_enough_sessions_are_found_by_connecting(
    settings: BridgeSettings, tmp_path: Path
) -> None:
    """Where http.conf can't be read and Asterisk takes enough connections, nothing is said."""
    report = await examine(settings, tmp_path / "none")

    assert report["sessions"].verdict is Verdict.OK


BLOCKED = DIALPLAN.replace(
    " same => n,Return()", " same => n,Set(DB(last/answer)=${AI_RESPONSE})\n same => n,Return()", 1
)


async def test_functions_that_asterisk_blocks(
    asterisk_installation: Installation, stub: ModelStub, tmp_path: Path
) -> None:
    """DB() after Stasis() is told on a version that blocks it, unless live_dangerously."""
    names: list[set[str]] = []
    for dangerously in (False, True):
        async with Asterisk(
            asterisk_installation,
            dialplan=BLOCKED,
            settings=Settings(live_dangerously=dangerously),
        ) as asterisk:
            settings = make_settings(asterisk, stub, tmp_path, asterisk_app_name=APPLICATION)
            report = await examine(settings, asterisk.folder / "etc")
            names.append(set(report.bad))

    assert names == [{"live_dangerously.blocked"}, set()]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (f"Stasis({APPLICATION},", "Stasis(another,", {"dialplan.no_stasis": Verdict.WARN}),
        ('"${STASISSTATUS}" = "FAILED"', "0", {}),
        (
            "Set(AI_STATUS=)\n same => n,Set(TIMEOUT(absolute)=13)",
            "Set(TIMEOUT(absolute)=13)\n same => n,NoOp()",
            {},
        ),
        ("Set(TIMEOUT(absolute)=13)", "NoOp()", {"dialplan.no_timeout": Verdict.FAIL}),
        (
            "Set(TIMEOUT(absolute)=13)",
            "Set(TIMEOUT(absolute)=4)",
            {"dialplan.timeout_short": Verdict.FAIL},
        ),
        ("Set(TIMEOUT(absolute)=0)", "NoOp()", {"dialplan.timeout_stays": Verdict.WARN}),
        ("exten => T,1", "exten => t,1", {"dialplan.no_exten_t": Verdict.WARN}),
    ],
)
async def test_a_dialplan_without_its_nets(
    settings: BridgeSettings,
    patient: Asterisk,
    etc: Path,
    old: str,
    new: str,
    found: dict[str, Verdict],
) -> None:
    """Each net that the loaded dialplan lacks is told, and none that it has."""
    assert old in DIALPLAN
    await patient.reload_dialplan(DIALPLAN.replace(old, new))
    try:
        report = await examine(settings, etc)
    finally:
        await patient.reload_dialplan(DIALPLAN)

    assert report.bad == found


async def test_a_dialplan_that_never_asks_for_the_status(
    settings: BridgeSettings, patient: Asterisk, etc: Path
) -> None:
    """Neither STASISSTATUS nor an AI_STATUS emptied before: no FAILED branch."""
    careless = DIALPLAN.replace('"${STASISSTATUS}" = "FAILED"', "0").replace(
        "Set(AI_STATUS=)", "NoOp()"
    )
    await patient.reload_dialplan(careless)
    try:
        report = await examine(settings, etc)
    finally:
        await patient.reload_dialplan(DIALPLAN)

    assert report.bad == {"dialplan.no_failed_branch": Verdict.FAIL}


async def test_files_of_another_asterisk(
    settings: BridgeSettings, etc: Path, tmp_path: Path
) -> None:
    """Files whose systemname is not the one that ARI tells are not believed."""
    (tmp_path / "asterisk.conf").write_text("[options]\nsystemname = elsewhere\n")
    report = await examine(settings, tmp_path)

    assert report.bad == {"files.of_another": Verdict.WARN}
    assert etc != tmp_path


def test_an_asterisk_elsewhere(tmp_path: Path) -> None:
    """The files of this machine say nothing of a PBX on another, unless the operator says so."""
    finding, files = find_configuration(tmp_path, "", "http://192.0.2.77:8088/ari", given=False)

    assert (finding.name, files) == ("files.elsewhere", None)


def old_asterisk(version: str) -> Handler:
    """Answer as an Asterisk of that version that can nothing but say so."""

    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/asterisk/info"):
            return web.json_response({"system": {"version": version, "entity_id": "x"}})
        return web.json_response({"message": "Resource not found"}, status=404)

    return answer


@pytest.mark.parametrize(("version", "old"), [("15.7.4", True), ("16.28.0~dfsg", False)])
async def test_an_old_asterisk(
    settings: BridgeSettings, tmp_path: Path, version: str, old: bool
) -> None:
    """Below 16 it is refused; what an old one does not tell is told as not known."""
    async with serve(old_asterisk(version)) as port:
        changes = {"asterisk_ari_url": f"http://127.0.0.1:{port}"}
        report = await examine(settings.model_copy(update=changes), tmp_path / "none")

    assert ("asterisk.too_old" in report.bad) is old
    assert {"modules.unknown", "ari.write_timeout_unknown"} <= set(report.bad)


@pytest.mark.parametrize(
    ("text", "version", "blocks"),
    [
        ("22.10.1+dfsg+~cs6.17.60671434-1", (22, 10, 1), True),
        ("22.10.0", (22, 10, 0), False),
        ("20.20.1", (20, 20, 1), True),
        ("20.20.0", (20, 20, 0), False),
        ("23.4.1", (23, 4, 1), True),
        ("24.0.0", (24, 0, 0), True),
        ("21.12.1", (21, 12, 1), False),
        ("certified/20.7-cert5", (20, 7, 0), False),
        ("Asterisk 16.28.0~dfsg-0+deb11u4", (16, 28, 0), False),
        ("GIT-master", None, True),
    ],
)
def test_versions(text: str, version: object, blocks: bool) -> None:
    """The numbers in the many ways to write a version, and which of them block functions."""
    assert parse_version(text) == version
    assert blocks_functions(parse_version(text)) is blocks
