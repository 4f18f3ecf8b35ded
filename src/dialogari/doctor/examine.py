"""All checks, in the order in which one depends on another."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dialogari.ari import Server, parse_url
from dialogari.doctor.application import check_application, look_for_bridge
from dialogari.doctor.ari import NoAnswerError, open_ari
from dialogari.doctor.configuration import find_configuration
from dialogari.doctor.dialplan import check_dialplan, check_live_dangerously
from dialogari.doctor.models import check_model
from dialogari.doctor.pbx import (
    blocks_functions,
    check_modules,
    check_version,
    check_write_timeout,
    parse_version,
)
from dialogari.doctor.reach import check_reach, check_rights, check_settings, name_silence
from dialogari.doctor.sessions import check_free_sessions, judge_limit
from dialogari.doctor.storage import check_database, check_disk, check_local_model

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from dialogari.ari.models import AsteriskInfo
    from dialogari.config import Settings
    from dialogari.doctor.application import Bridge
    from dialogari.doctor.ari import Ari
    from dialogari.doctor.findings import Finding
    from dialogari.parts import Agent

DEFAULT_FOLDER = Path("/etc/asterisk")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be examined."""

    settings: Settings
    agent: Agent
    models: Sequence[str]
    """The models to ask, each as AI_MODEL; a local one is not among them."""
    asterisk_config: Path | None = None
    """The folder of Asterisk's files; None: the usual one, if Asterisk is on this machine."""


async def examine(subject: Subject) -> AsyncGenerator[Finding]:
    """Yield what each check finds, as it finds it; every wait in it is bounded."""
    settings = subject.settings
    bridge = await look_for_bridge(settings)
    yield bridge.finding
    async for finding in _examine_asterisk(subject, bridge):
        yield finding
    for model in subject.models:
        yield await check_model(subject.agent, model, settings.turn_deadline)
    if settings.local_wanted:
        yield await asyncio.to_thread(check_local_model, settings)
    yield await asyncio.to_thread(check_disk, settings.dialogari_state_dir)
    yield await check_database(settings, bridge_runs=bridge.parts is not None)


async def _examine_asterisk(subject: Subject, bridge: Bridge) -> AsyncGenerator[Finding]:
    settings = subject.settings
    missing = check_settings(settings)
    for finding in missing:
        yield finding
    if missing:
        return
    server = Server(
        parse_url(settings.asterisk_ari_url),
        settings.asterisk_ari_username,
        settings.asterisk_ari_password.get_secret_value(),
    )
    try:
        async with open_ari(server) as ari:
            findings, info = await check_reach(ari)
            for finding in findings:
                yield finding
            if info is not None:
                async for finding in _examine_further(subject, ari, info, bridge):
                    yield finding
    except NoAnswerError as error:
        yield name_silence(server.url, error)


async def _examine_further(
    subject: Subject, ari: Ari, info: AsteriskInfo, bridge: Bridge
) -> AsyncGenerator[Finding]:
    settings = subject.settings
    version = info.system.version if info.system else ""
    name = info.config.name if info.config else ""
    yield await check_rights(ari)
    yield await check_version(ari, version)
    for finding in await check_modules(ari):
        yield finding
    yield await check_application(ari, settings.asterisk_app_name, bridge)
    finding, files = find_configuration(
        subject.asterisk_config or DEFAULT_FOLDER,
        name,
        ari.server.url,
        given=subject.asterisk_config is not None,
    )
    yield finding
    yield await check_write_timeout(ari, files.ari if files else None)
    if files is None:
        yield await check_free_sessions(ari.server.url)
        return
    yield judge_limit(files.http)
    for finding in check_dialplan(files, settings.asterisk_app_name, settings.turn_deadline):
        yield finding
    blocked = blocks_functions(parse_version(version))
    yield check_live_dangerously(files, settings.asterisk_app_name, blocked=blocked)
