"""What Asterisk is: its version, its modules, and how patient its websockets are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dialogari.ari.features import read_features
from dialogari.ari.models import Module
from dialogari.dialplan.samples import WRITE_TIMEOUT
from dialogari.doctor.findings import Finding, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dialogari.doctor.ari import Ari
    from dialogari.doctor.configuration import Sections

OLDEST = 16
"""The first major version that dialogari is tested against."""
NEEDED = (
    *("app_stasis", "res_stasis", "res_http_websocket", "res_ari", "res_ari_applications"),
    *("res_ari_asterisk", "res_ari_channels", "res_ari_events"),
)
DIALPLAN = ("func_timeout", "app_stack")
"""What the sample dialplan uses besides: TIMEOUT(), and Gosub() and Return()."""
DEFAULT_WRITE_TIMEOUT = 100
"""Asterisk's own, in milliseconds."""
PATIENT = 1000
_BLOCKING = {20: (20, 20, 1), 22: (22, 10, 1), 23: (23, 4, 1)}
"""By branch, the first version that blocks dangerous functions after an ARI set."""

Version = tuple[int, int, int]


def parse_version(text: str) -> Version | None:
    """Return the numbers of a version such as `22.10.1~dfsg` or `certified/20.7-cert5`."""
    found = re.search(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?", text)
    return None if found is None else (int(found[1]), int(found[2] or 0), int(found[3] or 0))


def blocks_functions(version: Version | None) -> bool:
    """Whether SHELL, FILE, DB and writes of CURL are blocked in a call after any ARI set.

    Since the fix "Make ARI applications respect live_dangerously" (measured on 22.10.1; 22.10.0
    and 16.28 do not block). An unknown version counts as one that does.
    """
    if version is None:
        return True
    return version[0] > max(_BLOCKING) or version >= _BLOCKING.get(version[0], (999, 0, 0))


async def check_version(ari: Ari, version: str) -> Finding:
    """Tell whether this Asterisk is new enough, and what it can. Raises NoAnswerError."""
    numbers = parse_version(version)
    if numbers is not None and numbers[0] < OLDEST:
        return fail(
            "asterisk.too_old",
            f"Asterisk {version}",
            f"install Asterisk {OLDEST} or later, better 22",
        )
    events = await ari.get("api-docs/events.json")
    channels = await ari.get("api-docs/channels.json")
    # ARRAY() changes nothing that an operator would choose by.
    features = read_features(events.body, channels.body, array_function=False)
    can = {
        "commands on the events socket": features.rest_over_websocket,
        "several variables in one request": features.bulk_variables,
    }
    told = ", ".join(f"{name}: {'yes' if there else 'no'}" for name, there in can.items())
    return ok("asterisk.version", f"Asterisk {version} ({told})")


async def check_modules(ari: Ari) -> list[Finding]:
    """Tell which modules are missing. Raises NoAnswerError."""
    modules = (await ari.get("asterisk/modules")).read(list[Module])
    if modules is None:
        return [
            warn(
                "modules.unknown",
                "Asterisk does not list its modules",
                f"make sure of: {', '.join(NEEDED)}",
            )
        ]
    running = {m.name.removesuffix(".so") for m in modules if m.status == "Running"}
    missing = [name for name in NEEDED if name not in running]
    unused = [name for name in DIALPLAN if name not in running]
    findings: list[Finding] = []
    if missing:
        findings.append(fail("modules.missing", f"not loaded: {_list(missing)}", _load(missing)))
    if unused:
        text = f"not loaded, and the sample dialplan wants it: {_list(unused)}"
        findings.append(warn("modules.dialplan", text, _load(unused)))
    return findings or [ok("modules", "all modules that a call needs are running")]


def _list(names: Sequence[str]) -> str:
    return ", ".join(f"{name}.so" for name in names)


def _load(names: Sequence[str]) -> str:
    commands = "; ".join(f"module load {name}.so" for name in names)
    return f"in modules.conf and now: asterisk -rx '{commands}'"


async def check_write_timeout(ari: Ari, files: Sections | None) -> Finding:
    """Tell `websocket_write_timeout`, by Asterisk's word where it gives it, else by ari.conf.

    22.10 gives it, 16.28 does not know the resource. Raises NoAnswerError.
    """
    answer = await ari.get("asterisk/config/dynamic/res_ari/general/general")
    told = answer.read(list[dict[str, str]])
    if answer.status == 200 and told is not None:  # noqa: PLR2004 - HTTP's OK
        values = {pair.get("attribute", ""): pair.get("value", "") for pair in told}
        return _judge_write_timeout(values.get("websocket_write_timeout", ""))
    if files is not None:
        return _judge_write_timeout(files.get("general", "websocket_write_timeout"))
    return warn(
        "ari.write_timeout_unknown",
        "this Asterisk does not tell its websocket_write_timeout",
        f"make sure of websocket_write_timeout = {WRITE_TIMEOUT} in [general] of ari.conf",
    )


def _judge_write_timeout(value: str) -> Finding:
    milliseconds = int(value) if value.isdecimal() else DEFAULT_WRITE_TIMEOUT
    if milliseconds >= PATIENT:
        return ok("ari.write_timeout", f"websocket_write_timeout is {milliseconds} ms")
    return warn(
        "ari.write_timeout_low",
        f"websocket_write_timeout is {milliseconds} ms: a bridge busy for a moment loses its link",
        f"websocket_write_timeout = {WRITE_TIMEOUT} in [general] of ari.conf, then: "
        "module reload res_ari.so",
    )
