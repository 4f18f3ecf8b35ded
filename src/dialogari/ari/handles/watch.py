"""What is known of one object of Asterisk: told by its events, and looked up where they may lack.

A playback, a recording or a bridge that ends while the link is down ends without an event for us.
So after each gap it is looked up, and from when on no events come at all, again and again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from dialogari.ari.backoff import backoff
from dialogari.ari.errors import AriError, NotFound
from dialogari.ari.recovery import Lost, Recovered, Resumed

if TYPE_CHECKING:
    from dialogari.ari.models import Event, UnknownEvent
    from dialogari.ari.routing import Told
    from dialogari.ari.session import Session

logger = logging.getLogger(__name__)

POLL_INTERVAL = 1.0
"""Seconds between looks at something of which no events come any more."""


class Watched(Protocol):
    """An object that is watched."""

    def take(self, event: Event | UnknownEvent) -> None:
        """Take an event about it."""
        ...

    async def look(self) -> None:
        """Ask Asterisk how it is now.

        Raises:
            NotFound: it is no more.
            AriError: Asterisk did not say.
        """
        ...

    def miss(self) -> None:
        """Take note that it is no more, and that no event told so."""
        ...


class Watch:
    """Hears, as a listener does, of one object; from `open` until `close`."""

    def __init__(self, session: Session, key: str, watched: Watched) -> None:
        self.keys = {key}
        self.generation = session.generation
        """Of the link when the object was last known to be there."""
        self._session = session
        self._watched = watched
        self._open = False
        self._timers: list[asyncio.TimerHandle] = []

    def open(self) -> None:
        """Hear of it from now on."""
        self._open = True
        self._session.router.add(self)

    def close(self) -> None:
        """Hear of it no more. A second time it does nothing."""
        self._open = False
        self._session.router.remove(self)
        for timer in self._timers:
            timer.cancel()

    def put(self, event: Told) -> None:
        """Take an event."""
        match event:
            case Recovered():
                self.look_soon()
            case Resumed() | Lost():
                pass
            case _:
                self._watched.take(event)

    def end(self) -> None:
        """Take note that no events come any more."""
        if self._open:
            self._session.spawn(self._poll())

    def look_soon(self) -> None:
        """Look it up, in a task of the session's."""
        if self._open:
            self._session.spawn(self._look())

    def look_after(self, seconds: float) -> None:
        """Look it up in a while."""
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(seconds, self.look_soon))

    async def _poll(self) -> None:
        while self._open:
            await self._look()
            await asyncio.sleep(POLL_INTERVAL)

    async def _look(self) -> None:
        for delay in backoff():
            if not self._open:
                return
            generation = self._session.generation
            try:
                await self._watched.look()
            except NotFound:
                if self._open:
                    self._watched.miss()
                return
            except AriError as error:
                extra = {"object": sorted(self.keys), "cause": str(error)}
                logger.info("ari_look_failed", extra=extra)
            else:
                self.generation = generation
                return
            await asyncio.sleep(delay)
