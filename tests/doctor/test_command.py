"""The command as an operator runs it, and its page of documentation."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import dialogari.doctor
from doctor.conftest import APPLICATION
from doctor.documentation import documented
from processes import openai, run

if TYPE_CHECKING:
    from dialogari.sandbox.asterisk import Asterisk
    from model_stub import ModelStub

WELL = {"ari.credentials", "ari.rights", "ari.write_timeout", "asterisk.version"}
"""Names with a point that only lines without fault have."""


def as_environment(asterisk: Asterisk, stub: ModelStub, port: int) -> dict[str, str]:
    """Return the settings of a sound installation."""
    return {
        "ASTERISK_ARI_URL": asterisk.url,
        "ASTERISK_ARI_USERNAME": asterisk.username,
        "ASTERISK_ARI_PASSWORD": asterisk.password,
        "ASTERISK_APP_NAME": APPLICATION,
        "TURN_DEADLINE": "5",
        "WEB_PORT": str(port),
        **openai(stub),
    }


async def test_the_command(
    patient: Asterisk, stub: ModelStub, free_port: int, tmp_path: Path
) -> None:
    """Lines for people with exit 0; one fault, and it is exit 1 with the remedy in its line."""
    environment = as_environment(patient, stub, free_port)
    arguments = ("doctor", "--asterisk-config", str(patient.folder / "etc"))
    sound = await run(tmp_path, *arguments, **environment)
    ill = await run(tmp_path, *arguments, **{**environment, "ASTERISK_ARI_PASSWORD": "not-it"})
    told = await run(
        tmp_path, *arguments, "--json", **{**environment, "ASTERISK_ARI_USERNAME": "nobody"}
    )

    assert (sound.code, sound.err) == (0, "")
    assert {line.split()[0] for line in sound.out.splitlines()} == {"ok"}
    assert ill.code == told.code == 1
    failed = [line for line in ill.out.splitlines() if line.startswith("fail")]
    assert len(failed) == 1
    assert " -> compare them with ari.conf" in failed[0]
    report = json.loads(told.out)
    assert report["ok"] is False
    assert [f["name"] for f in report["findings"] if f["verdict"] == "fail"] == ["ari.password"]
    everything = sound.out + ill.out + told.out
    assert "not-it" not in everything
    assert patient.password not in everything


async def test_a_prompt_that_no_dialplan_could_name(tmp_path: Path) -> None:
    """`dialogari dialplan` refuses it, and an address that is none, in one line."""
    named = await run(tmp_path, "dialplan", "--prompt", "a,b")
    address = await run(tmp_path, "dialplan", ASTERISK_ARI_URL="ftp://pbx")

    assert (named.code, named.out, address.code, address.out) == (1, "", 2, "")
    assert "ASTERISK_ARI_URL" in address.err
    assert "Traceback" not in named.err + address.err


def test_every_finding_is_documented() -> None:
    """docs/doctor.md has a row for every name in the source, and none that is not there."""
    source = "".join(
        file.read_text("utf-8") for file in Path(dialogari.doctor.__path__[0]).glob("*.py")
    )
    names = set(re.findall(r'"([a-z_]+\.[a-z_]+)"', source)) - {"asterisk.conf"} - WELL
    said = {name for name in names if not name.startswith("store.")}
    by_reason = {f"database.{name.removeprefix('store.')}" for name in names - said}

    assert (said | by_reason) <= documented().keys()
    undocumented = documented().keys() - said - by_reason
    assert undocumented == {"database.in_use", "database.timeout", "database.unavailable"}
