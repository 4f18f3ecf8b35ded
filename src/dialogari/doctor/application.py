"""Who has the application now, told without connecting: connecting would take it over.

What ARI says of an application (measured on 22.10 and 16.28): one that nobody is connected to is
gone (404) as soon as no call is in it. So 200 and no call in it means that a client is connected at
this moment; 200 and calls in it, that one is, or that one left them there. The filter on its events
tells whether that client is a dialogari, for each bridge sets its own at once. Whether it is the
bridge of this machine only that bridge can tell, at WEB_HOST:WEB_PORT.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp

from dialogari.ari.interest import DISALLOWED
from dialogari.ari.models import Application
from dialogari.doctor.ari import PATIENCE, NoAnswerError, Silence, fetch
from dialogari.doctor.findings import Finding, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dialogari.config import Settings
    from dialogari.doctor.ari import Ari

_LOOK = "asterisk -rx 'http show status' and 'ari show apps' on the PBX; stop the other client, or"
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read from a setting, not bound


@dataclass(frozen=True, slots=True)
class Bridge:
    """What listens on WEB_HOST:WEB_PORT."""

    finding: Finding
    parts: Mapping[str, bool] | None = None
    """Its /readyz, part by part; None: no bridge."""

    @property
    def has_link(self) -> bool:
        """Whether it has proven, by an event of its own, that the application is its own."""
        return self.parts is not None and self.parts.get("asterisk", False)


async def look_for_bridge(settings: Settings) -> Bridge:
    """Ask /readyz of whatever listens where this installation's bridge would."""
    host = _EVERYWHERE.get(settings.web_host, settings.web_host)
    place = f"{settings.web_host}:{settings.web_port}"
    address = f"[{host}]" if ":" in host else host
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            answer = await fetch(session, "GET", f"http://{address}:{settings.web_port}/readyz")
    except NoAnswerError as error:
        if error.why is Silence.NOTHING_LISTENS or settings.web_port == 0:
            return Bridge(ok("bridge", f"no bridge runs on {place} at the moment"))
        return Bridge(_stranger(place))
    body = answer.read(_Readiness)
    if body is None:
        return Bridge(_stranger(place))
    lacking = [name for name, ready in body.parts.items() if not ready]
    if not lacking:
        return Bridge(ok("bridge", f"the bridge on {place} is ready"), body.parts)
    return Bridge(
        warn(
            "bridge.not_ready",
            f"the bridge on {place} runs but is not ready: {', '.join(lacking)}",
            "see the other lines of this report, and the bridge's log",
        ),
        body.parts,
    )


@dataclass(frozen=True, slots=True)
class _Readiness:
    parts: dict[str, bool]


def _stranger(place: str) -> Finding:
    return fail(
        "bridge.port_taken",
        f"another program listens on {place}",
        "set WEB_PORT to a free port, or stop that program",
    )


async def check_application(ari: Ari, name: str, bridge: Bridge) -> Finding:
    """Tell who has the application. Raises NoAnswerError."""
    answer = await ari.get(f"applications/{quote(name, safe='')}")
    application = answer.read(Application) if answer.status == 200 else None  # noqa: PLR2004
    return judge_owner(name, application, bridge)


def judge_owner(name: str, application: Application | None, bridge: Bridge) -> Finding:
    """Judge what ARI and the bridge of this machine say. None: nobody has registered it."""
    if application is None:
        return _unowned(name, bridge)
    if bridge.has_link:
        return ok("application", f"{name} belongs to the bridge of this machine")
    if not _is_dialogari(application):
        return fail(
            "application.foreign",
            f"another program has the application {name}",
            f"{_LOOK} set ASTERISK_APP_NAME to a name of its own, in the dialplan too",
        )
    if bridge.parts is not None:
        return fail(
            "application.taken_over",
            f"{name} is registered, but not by the bridge of this machine: another has taken it",
            f"{_LOOK} give it another ASTERISK_APP_NAME, then restart this bridge",
        )
    if _has_subscriptions(application):
        return warn(
            "application.calls_waiting",
            f"calls are in {name}: of another bridge, or left by one that died",
            "if no other bridge runs, start this one: it gives them back to the dialplan",
        )
    return warn(
        "application.other_bridge",
        f"a dialogari that is not on this WEB_HOST and WEB_PORT has {name}; "
        "a bridge started here would take its calls over",
        f"{_LOOK} set another ASTERISK_APP_NAME, unless it is the bridge you mean",
    )


def _unowned(name: str, bridge: Bridge) -> Finding:
    if bridge.has_link:
        return warn(
            "application.not_here",
            f"the bridge of this machine is linked, but not as {name} to this Asterisk",
            "run doctor with the settings of that bridge",
        )
    if bridge.parts is not None:
        return fail(
            "application.unregistered",
            f"nobody has {name}: Stasis() returns FAILED, though a bridge runs here",
            "see its log: restart it after application_taken_over, else mend what ari_link_down is",
        )
    return ok("application", f"{name} is free: Stasis() returns FAILED until a bridge runs")


def _is_dialogari(application: Application) -> bool:
    types = {str(event.get("type")) for event in application.events_disallowed}
    return types == set(DISALLOWED)


def _has_subscriptions(application: Application) -> bool:
    lists = (application.channel_ids, application.bridge_ids, application.endpoint_ids)
    return any((*lists, application.device_names))
