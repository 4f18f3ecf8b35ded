"""One playback on a channel or a bridge: how far it is, how to steer it, and how it ended."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from dialogari.ari.errors import NotFound, RequestFailed, UnknownOutcome
from dialogari.ari.handles.waiting import new_id, undone
from dialogari.ari.handles.watch import Watch
from dialogari.ari.models import PlaybackFinished, PlaybackStarted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dialogari.ari import models
    from dialogari.ari.handles.place import Place
    from dialogari.ari.models import Event, UnknownEvent

    Operation = Literal["restart", "pause", "unpause", "reverse", "forward"]

logger = logging.getLogger(__name__)

LEAVING = 0.5
"""Seconds in which it shows that what plays failed because its channel hangs up, and in which what
is stopped has mostly ended."""
CERTAIN = ("sound:", "tone:", "digits:", "number:", "characters:")
"""Media whose end Asterisk always tells. A stored recording that does not exist, or a scheme it
does not know, is begun and forgotten without an event (measured on 22.10 and 16.28)."""
FORGOTTEN_AFTER = 1.0
"""Seconds after which such a playback is looked up."""


class PlaybackEnd(StrEnum):
    """How a playback ended."""

    DONE = "done"
    STOPPED = "stopped"
    """By `stop`."""
    FAILED = "failed"
    """Asterisk could not play its last medium; a sound file that is missing for example."""
    UNTOLD = "untold"
    """It is over, but no event told: they were lost in a gap, or there was nothing to play."""


class Playback:
    """Handle of one playback; `Channel.playing` and `Bridge.playing` make them.

    It ends with what it plays on, and when its scope is left. Commands to one that has ended do
    nothing.
    """

    def __init__(self, place: Place) -> None:
        self.id = new_id()
        self.target = place
        """The channel or bridge that hears it."""
        self.ended: PlaybackEnd | None = None
        """How it ended; None: it has not, or what it played on went first."""
        self.playback: models.Playback | None = None
        """What Asterisk said of it last."""
        self._stopped = False
        self._over = asyncio.Event()
        self._watch = Watch(place.session, self.key, self)

    def __repr__(self) -> str:
        state = self.ended or (self.playback.state if self.playback is not None else "new")
        return f"<Playback {self.id} on {self.target.key} {state}>"

    @property
    def key(self) -> str:
        """What events name it by."""
        return f"playback:{self.id}"

    @property
    def generation(self) -> int:
        """Of the link when it was last known to be there."""
        return self._watch.generation

    async def wait(self, seconds: float = 300.0) -> PlaybackEnd:
        """Wait until it has ended; return how.

        Raises:
            TimeoutError: it still plays after so many seconds.
            ChannelGone: the channel it plays on is gone.
            BridgeGone: the bridge is.
        """
        async with asyncio.timeout(seconds):
            await self._over.wait()
        if self.ended is None:
            raise self.target.absence()
        if self.ended in {PlaybackEnd.FAILED, PlaybackEnd.UNTOLD}:
            if await self.target.is_gone_within(LEAVING):
                raise self.target.absence()
            media = self.playback.media_uri if self.playback is not None else ""
            extra = {"target": self.target.key, "media": media, "end": self.ended}
            logger.warning("ari_playback_failed", extra=extra)
        return self.ended

    async def stop(self) -> None:
        """End it; `wait` tells when it has.

        Digits, numbers and characters can't be interrupted: they are said to their end, and no
        media after them are played (measured on 22.10 and 16.28).

        Raises:
            AriError: it plays on.
        """
        if self._over.is_set():
            return
        self._stopped = True
        try:
            await self.target.session.playbacks.stop(self.id)
        except NotFound:
            self.miss()
        except RequestFailed as error:
            if error.status != 500:  # noqa: PLR2004 - Asterisk's "not now"
                raise

    async def pause(self) -> None:
        """Stand still. One that has not begun refuses: InvalidState. Raises AriError."""
        await self._control("pause")

    async def unpause(self) -> None:
        """Go on. Raises AriError."""
        await self._control("unpause")

    async def restart(self) -> None:
        """Play the medium from its start. Raises AriError."""
        await self._control("restart")

    async def forward(self) -> None:
        """Skip three seconds. Raises AriError."""
        await self._control("forward")

    async def reverse(self) -> None:
        """Go back three seconds. Raises AriError."""
        await self._control("reverse")

    async def _control(self, operation: Operation) -> None:
        if self._over.is_set():
            return
        try:
            await self.target.session.playbacks.control(self.id, operation)
        except NotFound:
            self.miss()

    async def begin(self, media: Sequence[str], language: str | None) -> None:
        """Ask Asterisk to play; its events are heard from before."""
        self._watch.open()
        self.target.carry(self)
        try:
            answer = await self.target.sounding.play_with_id(
                self.target.id, self.id, media, lang=language
            )
            self.playback = self.playback or answer
        except UnknownOutcome:
            if self.playback is None and not await self._exists():
                raise

    async def _exists(self) -> bool:
        try:
            await self.look()
        except NotFound:
            return False
        return True

    async def leave(self) -> None:
        """Stop it; for the end of its scope. Raises AriError."""
        await self.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVING):
                await self._over.wait()

    def take(self, event: Event | UnknownEvent) -> None:
        """Take an event about it."""
        match event:
            case PlaybackStarted():
                self.playback = event.playback
                if self._stopped:  # that ended, or failed to end, the medium before
                    session = self.target.session
                    session.spawn(undone(session, self.key, self.stop))
                elif not event.playback.media_uri.startswith(CERTAIN):
                    self._watch.look_after(FORGOTTEN_AFTER)
            case PlaybackFinished():
                self.playback = event.playback
                if event.playback.state == "failed":
                    self._end(PlaybackEnd.FAILED)
                else:
                    self._end(PlaybackEnd.STOPPED if self._stopped else PlaybackEnd.DONE)
            case _:
                pass

    async def look(self) -> None:
        """Ask Asterisk how it is now. Raises AriError."""
        self.playback = await self.target.session.playbacks.get(self.id)

    def miss(self) -> None:
        """Take note that it is over, and that no event told so."""
        self._end(PlaybackEnd.STOPPED if self._stopped else PlaybackEnd.UNTOLD)

    def lose(self) -> None:
        """Take note that what it played on is gone."""
        self._over.set()
        self._watch.close()
        self.target.drop(self)

    def _end(self, how: PlaybackEnd) -> None:
        self.ended = self.ended or how
        self.lose()
