"""Whether Asterisk can be reached, and as whom: address, credentials, rights, clock."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dialogari.ari import parse_url
from dialogari.ari.models import AsteriskInfo
from dialogari.doctor.ari import NoAnswerError, Silence
from dialogari.doctor.findings import Finding, fail, ok, warn

if TYPE_CHECKING:
    from dialogari.config import Settings
    from dialogari.doctor.ari import Answer, Ari

SKEW = 10.0
"""Seconds that two clocks may differ, a slow answer and the header's whole seconds included."""
_START = "start Asterisk, or mend ASTERISK_ARI_URL; http.conf has bindaddr and bindport"
_SILENCES = {
    Silence.NOTHING_LISTENS: ("ari.nothing_listens", _START),
    Silence.TLS: (
        "ari.tls",
        "install a certificate this machine trusts, or write http:// where Asterisk has no TLS",
    ),
    Silence.SLOW: ("ari.slow", "look for a firewall that drops packets, or a hanging Asterisk"),
    Silence.CLOSED: (
        "ari.closed",
        "if it is Asterisk, all its HTTP sessions are taken: raise sessionlimit in http.conf",
    ),
    Silence.NOT_HTTP: (
        "ari.not_http",
        "name the port of Asterisk's HTTP server (bindport in http.conf), not SIP or AMI",
    ),
}


def check_settings(settings: Settings) -> list[Finding]:
    """Tell what is missing before anything can be asked."""
    findings: list[Finding] = []
    try:
        parse_url(settings.asterisk_ari_url)
    except ValueError as error:
        findings.append(fail("ari.address", f"ASTERISK_ARI_URL is no address: {error}", "mend it"))
    for name in ("asterisk_ari_username", "asterisk_ari_password"):
        if not getattr(settings, name):
            remedy = "take it from ari.conf; `dialogari dialplan` prints one to start from"
            findings.append(fail("ari.no_user", f"{name.upper()} is not set", remedy))
    return findings


def name_silence(url: str, error: NoAnswerError) -> Finding:
    """Tell why there is no answer."""
    name, remedy = _SILENCES[error.why]
    return fail(name, f"{url}: {error.detail}", remedy)


async def check_reach(ari: Ari) -> tuple[list[Finding], AsteriskInfo | None]:
    """Ask Asterisk who it is; None if there is no one to ask further. Raises NoAnswerError."""
    answer = await ari.get("asterisk/info")
    info = answer.read(AsteriskInfo) if answer.status == 200 else None  # noqa: PLR2004 - HTTP's OK
    if info is None or info.system is None:
        return [_refusal(ari.server.url, answer)], None
    findings = [ok("ari.credentials", f"{ari.server.url} takes {ari.server.username}")]
    return [*findings, check_clock(answer, datetime.now(UTC))], info


def _refusal(url: str, answer: Answer) -> Finding:
    body = answer.read(dict[str, object])
    match answer.status:
        case 401:
            return fail(
                "ari.password",
                "Asterisk refuses ASTERISK_ARI_USERNAME or ASTERISK_ARI_PASSWORD",
                "compare them with ari.conf and reload it: asterisk -rx 'module reload res_ari.so'",
            )
        case 403:
            return fail(
                "ari.forbidden",
                "Asterisk forbids even reading",
                "look at the acl of http.conf and ari.conf",
            )
        case 404 if body is not None and "message" in body:
            return fail(
                "ari.no_asterisk_resource",
                "ARI answers, but not /ari/asterisk",
                "load it: asterisk -rx 'module load res_ari_asterisk.so', and in modules.conf",
            )
        case 503:
            return fail("ari.booting", "Asterisk is still starting", "wait, and run this again")
        case _:
            return fail(
                "ari.not_ari",
                f"{url} is an HTTP server, but no ARI (HTTP {answer.status})",
                "mend ASTERISK_ARI_URL (prefix in http.conf?), or enabled = yes in ari.conf",
            )


def check_clock(answer: Answer, now: datetime) -> Finding:
    """Compare Asterisk's clock with `now`."""
    there = answer.date
    apart = 0.0 if there is None else abs((now - there).total_seconds())
    if apart <= SKEW:
        return ok("clock", "the clocks of Asterisk and this machine agree")
    return warn(
        "clock.skew",
        f"Asterisk's clock and ours are {apart:.0f} s apart: logs won't match",
        "run NTP on both machines",
    )


async def check_rights(ari: Ari) -> Finding:
    """Tell whether the user may do things, by continuing a channel that can't exist.

    A user that may only read is refused before the channel is looked for (measured on 22.10 and
    16.28).
    Raises NoAnswerError.
    """
    channel = f"dialogari-doctor-{secrets.token_hex(16)}"
    answer = await ari.ask("POST", f"channels/{channel}/continue")
    if answer.status == 403:  # noqa: PLR2004 - HTTP's "forbidden"
        return fail(
            "ari.read_only",
            f"the ARI user {ari.server.username} may only read",
            "read_only = no in its section of ari.conf, then: module reload res_ari.so",
        )
    return ok("ari.rights", f"{ari.server.username} may command channels")
