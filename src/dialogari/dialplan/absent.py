"""A caller whose call is in the dialplan, between two visits: hears when he hangs up.

After `continue` Asterisk tells the application nothing of a channel, unless it has subscribed to
it before. Then its ChannelDestroyed comes, and Asterisk forgets the subscription by itself
(measured on 22.10 and 16.28).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from dialogari.ari import AriError
from dialogari.ari.handles.watch import Watch
from dialogari.ari.models import ChannelDestroyed

if TYPE_CHECKING:
    from collections.abc import Callable

    from dialogari.ari import Call
    from dialogari.ari.models import Event, UnknownEvent

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.dialplan")


class AbsentCaller:
    """Plays `dialogari.ari.handles.watch.Watched`, from `open` until `close`.

    `gone` is called when the channel is no more; it may call `close`.
    """

    def __init__(self, call: Call, gone: Callable[[], None]) -> None:
        self._session = call.session
        self._channel = call.id
        self._source = call.key
        self._gone = gone
        self._there = True
        self._closed = False
        self._watch = Watch(call.session, call.key, self)

    async def open(self) -> None:
        """Hear of the channel from now on. Where that fails it is logged, and nothing is heard."""
        try:
            await self._session.subscribe(self._source)
        except AriError as error:
            logger.warning("caller_not_watched", cause=type(error).__name__)
            self._there = False
            return
        if self._closed:
            self._session.spawn(self._unsubscribe())
        else:
            self._watch.open()

    def close(self) -> None:
        """Hear of it no more."""
        if self._closed:
            return
        self._closed = True
        self._watch.close()
        if self._there:
            self._session.spawn(self._unsubscribe())
        else:
            self._session.forget(self._source)

    async def _unsubscribe(self) -> None:
        with suppress(AriError):  # the channel is gone, and the subscription with it
            await self._session.unsubscribe(self._source)

    def take(self, event: Event | UnknownEvent) -> None:
        """Take an event about the channel."""
        if isinstance(event, ChannelDestroyed):
            self.miss()

    async def look(self) -> None:
        """Ask Asterisk whether the channel is there. Raises AriError."""
        await self._session.channels.get(self._channel)

    def miss(self) -> None:
        """Take note that it is not."""
        self._there = False
        self._gone()
