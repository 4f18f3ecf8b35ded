"""How late the event loop runs, told before Asterisk loses its patience with us.

Asterisk drops a client that leaves its socket unread for `websocket_write_timeout`, 100 ms unless
somebody has raised it. Nothing of this library keeps the loop that long, but a program's own code
may, and then every call of the process waits. A timer sees it: when it is late, so are all events.
"""

from __future__ import annotations

import asyncio
import logging

logger = logging.getLogger(__name__)

INTERVAL = 0.05
"""Seconds between two looks; a stall of twice that much is never overlooked."""
ALARM = 0.05
"""Seconds late at which it is logged: half of Asterisk's patience."""
WINDOW = 10.0
"""Seconds for which the worst is remembered, at least; in so many it is logged once."""


class Stall:
    """Watches the loop that it runs on."""

    def __init__(self) -> None:
        self._worst = self._worst_before = 0.0
        self._told = False

    @property
    def worst(self) -> float:
        """Seconds by which the loop was late at most, in the last `WINDOW` to twice that."""
        return max(self._worst, self._worst_before)

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + WINDOW
        while True:
            due = loop.time() + INTERVAL
            await asyncio.sleep(INTERVAL)
            self._note(loop.time() - due)
            if due > ends:
                ends = due + WINDOW
                self._worst, self._worst_before = 0.0, self._worst
                self._told = False

    def _note(self, late: float) -> None:
        self._worst = max(self._worst, late)
        if late > ALARM and not self._told:
            self._told = True
            logger.warning("ari_loop_blocked", extra={"seconds": round(late, 3)})
