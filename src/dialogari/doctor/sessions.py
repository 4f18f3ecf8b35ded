"""How many HTTP connections Asterisk takes: its `sessionlimit`, websockets included.

http.conf tells where it can be read. ARI does not tell, so else a handful of connections is opened
without a word sent: over the limit Asterisk closes one within a millisecond, else it waits for a
request (measured on 22.10). They are closed at the first refusal, or after `WATCH` seconds, and
are no more than a bridge takes at its start.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dialogari.ari.transport.http import CONNECTIONS
from dialogari.doctor.ari import PATIENCE
from dialogari.doctor.findings import Finding, fail, ok, warn

if TYPE_CHECKING:
    from dialogari.doctor.configuration import Sections

NEEDED = CONNECTIONS + 2
"""The bridge's connections, its events socket, and one to spare."""
DEFAULT_LIMIT = 100
"""Asterisk's own."""
WATCH = 0.25
_REMEDY = (
    f"sessionlimit = {DEFAULT_LIMIT} in [general] of http.conf, then: asterisk -rx 'module reload "
    "http'"
)


def judge_limit(http: Sections) -> Finding:
    """Tell what http.conf says."""
    value = http.get("general", "sessionlimit")
    limit = int(value) if value.isdecimal() else DEFAULT_LIMIT
    if limit >= NEEDED:
        return ok("sessions", f"sessionlimit is {limit}; the bridge needs {NEEDED}")
    text = f"sessionlimit is {limit}, but the bridge needs {NEEDED}"
    return fail("sessions.limit_low", text, _REMEDY)


async def check_free_sessions(url: str, *, needed: int = NEEDED) -> Finding:
    """Tell whether Asterisk takes `needed` connections more."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    tls = ssl.create_default_context() if secure else None
    held = [_hold(parts.hostname or "", port, tls) for _ in range(needed)]
    tasks = [asyncio.ensure_future(one) for one in held]
    try:
        await asyncio.wait(tasks, timeout=WATCH, return_when=asyncio.FIRST_COMPLETED)
        refused = any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=PATIENCE)
    if not refused:
        return ok("sessions", f"Asterisk takes {needed} connections more")
    text = f"Asterisk refused one of {needed} more connections: calls at once would fail"
    return warn("sessions.few_left", text, _REMEDY)


async def _hold(host: str, port: int, tls: ssl.SSLContext | None) -> None:
    """Hold a connection; returns as soon as it is closed from the other side, or never opened."""
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        try:
            await reader.read(1)
        finally:
            writer.close()
