"""What lies on this machine: the disk, the database, the local model's file."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
from typing import TYPE_CHECKING

from dialogari.agent.local.catalogue import LocalModel, choose
from dialogari.agent.local.errors import UnknownModelError
from dialogari.agent.local.fetch import default_cache, is_cached
from dialogari.doctor.findings import Finding, fail, ok, warn
from dialogari.store.database import open_database
from dialogari.store.errors import StoreError
from dialogari.store.look import look_at_database
from dialogari.store.schema import needs_upgrade

if TYPE_CHECKING:
    from pathlib import Path

    from dialogari.config import Settings
    from dialogari.store.look import DatabaseLook

MIB = 1 << 20
FULL = 64 * MIB
"""Below it a busy hour may fill the disk: the write-ahead log alone takes 16 MiB."""
TIGHT = 512 * MIB


def check_disk(folder: Path) -> Finding:
    """Tell how much room there is where `folder` lies, or will."""
    place = existing_parent(folder)
    free = shutil.disk_usage(place).free
    text = f"{free // MIB} MiB are free for {folder}"
    remedy = "make room, or name another disk by DIALOGARI_STATE_DIR or DATABASE_URL"
    if free < FULL:
        return fail("disk.full", text, remedy)
    if free < TIGHT:
        return warn("disk.tight", text, remedy)
    return ok("disk", text)


async def check_database(settings: Settings, *, bridge_runs: bool) -> Finding:
    """Tell whether turns can be stored, without making or upgrading a database."""
    url = settings.store_url
    look = None
    try:
        if url.startswith("sqlite:"):
            look = await asyncio.to_thread(look_at_database, url)
        if look is None or (look.exists and not look.needs_upgrade):
            async with open_database(url, upgraded=False) as database:
                if look is None and await database.read(needs_upgrade):
                    return ok("database", f"{_SERVER} will be upgraded at the next start")
                await database.check()
    except StoreError as error:
        name = f"database.{error.reason.rpartition('.')[2]}"
        return fail(name, str(error), _REMEDIES.get(error.reason, _MEND))
    if look is None:
        return ok("database", f"{_SERVER} can be written")
    return _judge_file(look, settings, bridge_runs=bridge_runs)


_SERVER = "the database of DATABASE_URL"
_MEND = "mend DATABASE_URL or DIALOGARI_STATE_DIR, or the disk below them"
_REMEDIES = {
    "store.url": "write it like sqlite:////var/lib/dialogari/dialogari.db",
    "store.too_new": "install the dialogari that wrote it, or a newer one",
    "store.foreign": "set DATABASE_URL to a file of its own",
    "store.read_only": "give the file, its folder and the files beside it to the bridge's user",
    "store.locked": "end the program that holds it; `fuser FILE` names it",
    "store.disk_full": "make room on that disk",
    "store.damaged": "restore a backup, or move the file away to begin anew",
}


def _judge_file(look: DatabaseLook, settings: Settings, *, bridge_runs: bool) -> Finding:
    if not look.exists:
        place = existing_parent(look.path)
        if os.access(place, os.W_OK):
            return ok("database", f"{look.path} will be made at the first start")
        return fail(
            "database.read_only",
            f"{look.path} can't be made: {place} may not be written by this user",
            "set DIALOGARI_STATE_DIR or DATABASE_URL to a place that the bridge's user may write",
        )
    if look.holder is not None and not bridge_runs:
        return warn(
            "database.held",
            f"process {look.holder} holds {look.path} as its bridge, but none answers on "
            f"WEB_PORT {settings.web_port}: a second one will be refused",
            "stop that process, or set WEB_PORT as it has it",
        )
    if look.needs_upgrade:
        return ok("database", f"{look.path} will be upgraded at the next start")
    return ok("database", f"{look.path} can be written")


def check_local_model(settings: Settings) -> Finding:
    """Tell whether the local model can be run, without loading it beside a bridge's."""
    if importlib.util.find_spec("xllamacpp") is None:
        return fail(
            "local_model.not_installed",
            "the packages that run a local model are not installed",
            "install dialogari[local], or set the key of a provider",
        )
    try:
        model = choose(settings.dialogari_local_model)
    except UnknownModelError as error:
        return fail("local_model.unknown", f"DIALOGARI_LOCAL_MODEL: {error}", "name one of these")
    if not isinstance(model, LocalModel):
        return ok("local_model", f"the file {model} is a GGUF model")
    cache = default_cache()
    if is_cached(model, cache):
        return ok("local_model", f"{model.name} is here, and whole")
    needed = model.size + FULL
    if shutil.disk_usage(existing_parent(cache)).free < needed:
        return fail(
            "local_model.no_room",
            f"{model.name} must be fetched, and {cache} has no room for {needed // MIB} MiB",
            "make room, or name a GGUF file in DIALOGARI_LOCAL_MODEL",
        )
    return warn(
        "local_model.not_fetched",
        f"{model.name} is not here yet: the first start fetches {model.size // MIB} MiB",
        "start the bridge once while no call waits for it",
    )


def existing_parent(path: Path) -> Path:
    """Return `path`, or the nearest folder above it that exists."""
    return next(place for place in (path, *path.parents) if place.exists())
