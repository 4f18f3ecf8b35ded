"""What is wrong with a dialplan that hands calls to the application.

It reads the text, it does not run it: what stands in the extension of Stasis() counts, and for the
nets what stands in its context. A step that a Gosub() or an include hides is not seen; the sample
of `dialogari dialplan` passes without a finding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialogari.ari.arguments import split_arguments
from dialogari.doctor.extensions import Extension, Step, read_extensions
from dialogari.doctor.findings import Finding, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dialogari.doctor.configuration import Configuration

_NET = re.compile(r"^TIMEOUT\(absolute\)\s*=\s*(.*)$", re.IGNORECASE | re.DOTALL)
_DANGEROUS = re.compile(r"\b(SHELL|FILE|DB|DB_DELETE|CURL)\(")
"""Those that dialplans use, of the functions that Asterisk calls dangerous."""
_SAMPLE = "`dialogari dialplan` prints one that has it"


@dataclass(frozen=True, slots=True)
class Handover:
    """One Stasis() step of our application."""

    extension: Extension
    context: Sequence[Extension]
    """Every extension of the same context."""
    before: Sequence[Step]
    after: Sequence[Step]


def check_dialplan(files: Configuration, application: str, deadline: float) -> list[Finding]:
    """Judge every place that hands a call to `application`, whose turns take `deadline` s."""
    extensions = read_extensions(files.extensions)
    places = find_handovers(extensions, application)
    if not places:
        return [
            warn(
                "dialplan.no_stasis",
                f"extensions.conf has no Stasis({application},...)",
                "`dialogari dialplan` prints one to paste; if yours is in AEL, Lua or a database, "
                "compare it with that",
            )
        ]
    findings = [finding for place in places for finding in judge(place, deadline)]
    names = ", ".join(str(place.extension) for place in places)
    return findings or [ok("dialplan", f"Stasis({application}) in {names} has its nets")]


def check_live_dangerously(files: Configuration, application: str, *, blocked: bool) -> Finding:
    """Tell whether the dialplan uses what Asterisk blocks once ARI has set a variable.

    `blocked`: whether this version of Asterisk does.
    """
    name = "live_dangerously"
    if not blocked:
        return ok(name, "this Asterisk leaves SHELL, FILE, DB and CURL to the dialplan")
    if files.asterisk.get("options", "live_dangerously").lower() in {"yes", "true", "on", "1"}:
        return ok(name, "live_dangerously = yes: the dialplan may use SHELL, FILE, DB and CURL")
    places = find_handovers(read_extensions(files.extensions), application)
    used = {
        function
        for place in places
        for extension in place.context
        for step in (place.after if extension is place.extension else extension.steps)
        for function in _DANGEROUS.findall(step.data)
    }
    if not used:
        return ok(name, "the dialplan uses none of SHELL, FILE, DB and CURL after Stasis()")
    return warn(
        "live_dangerously.blocked",
        f"this Asterisk blocks {', '.join(sorted(used))} in a call after Stasis() (CURL: writes)",
        "do it before Stasis(), or live_dangerously = yes in [options] of asterisk.conf, restart",
    )


def find_handovers(extensions: Sequence[Extension], application: str) -> list[Handover]:
    """Return every step that hands a call to `application`."""
    places: list[Handover] = []
    for extension in extensions:
        context = [other for other in extensions if other.context == extension.context]
        for number, step in enumerate(extension.steps):
            if step.application == "stasis" and _first(step) == application:
                before, after = extension.steps[:number], extension.steps[number + 1 :]
                places.append(Handover(extension, context, before, after))
    return places


def judge(place: Handover, deadline: float) -> list[Finding]:
    """Return what is wrong at one place."""
    findings = [_judge_failed_branch(place), *_judge_net(place, deadline)]
    return [finding for finding in findings if finding is not None]


def _judge_failed_branch(place: Handover) -> Finding | None:
    """STASISSTATUS asked for, or AI_STATUS emptied before and asked for: both notice FAILED."""
    after = " ".join(step.data for step in place.after)
    emptied = any(re.match(r"_*AI_STATUS\s*=\s*$", step.data) for step in place.before)
    if "STASISSTATUS" in after or (emptied and "AI_STATUS" in after):
        return None
    return fail(
        "dialplan.no_failed_branch",
        f"{place.extension} does not look whether Stasis() FAILED: with the bridge away it goes "
        "on with an old answer, or none",
        f'GotoIf($["${{STASISSTATUS}}" = "FAILED"]?human) after it; {_SAMPLE}',
    )


def _judge_net(place: Handover, deadline: float) -> list[Finding]:
    where = place.extension
    nets = [value for step in place.before if (value := _net(step)) is not None]
    if not nets or nets[-1] in {"", "0"}:
        return [
            fail(
                "dialplan.no_timeout",
                f"{where} has no TIMEOUT(absolute) before Stasis(): if the bridge dies in a turn, "
                "the caller waits for ever",
                f"Set(TIMEOUT(absolute)={deadline + 8:.0f}) before it; {_SAMPLE}",
            )
        ]
    findings: list[Finding] = []
    if re.fullmatch(r"[\d.]+", nets[-1]) and float(nets[-1]) < deadline + 1:
        findings.append(
            fail(
                "dialplan.timeout_short",
                f"TIMEOUT(absolute)={nets[-1]} in {where} ends turns that TURN_DEADLINE "
                f"({deadline:g} s) allows",
                f"set it to {deadline + 8:.0f}, or TURN_DEADLINE lower",
            )
        )
    if not any(_net(step) is not None for step in place.after):
        findings.append(
            warn(
                "dialplan.timeout_stays",
                f"{where} leaves TIMEOUT(absolute) set after Stasis(): it will end the call later",
                f"Set(TIMEOUT(absolute)=0) after it; {_SAMPLE}",
            )
        )
    if not any(extension.name == "T" for extension in place.context):
        findings.append(
            warn(
                "dialplan.no_exten_t",
                f"the context of {where} has no extension T: past the timeout the call is hung up",
                f"exten => T,1,Goto(s,human) beside it; {_SAMPLE}",
            )
        )
    return findings


def _net(step: Step) -> str | None:
    """Return what the step sets TIMEOUT(absolute) to; None if it does not."""
    net = _NET.match(step.data) if step.application == "set" else None
    return None if net is None else net[1].strip()


def _first(step: Step) -> str:
    return split_arguments(step.data)[0].strip()
