"""One recording of a channel or a bridge: how to steer it, and what became of it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Literal, TypedDict

import msgspec

from dialogari.ari.errors import AriError, NotFound, UnknownOutcome
from dialogari.ari.handles.waiting import undone
from dialogari.ari.handles.watch import Watch
from dialogari.ari.models import RecordingFailed, RecordingFinished, RecordingStarted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dialogari.ari import models
    from dialogari.ari.handles.place import Place
    from dialogari.ari.models import Event, UnknownEvent

logger = logging.getLogger(__name__)


class RecordingOptions(TypedDict, total=False):
    """What a recording can be asked for."""

    format: str
    """`wav` by default."""
    silence: int
    """Seconds of silence that end it."""
    terminator: Literal["none", "any", "*", "#"]
    """Key that ends it."""
    if_exists: Literal["fail", "overwrite", "append"]
    """What to do with a stored one of this name: without a word it is a `Conflict`."""
    beep: bool
    """Sound a tone at the start."""


class Recording:
    """Handle of one recording; `Channel.recording` and `Bridge.recording` make them.

    It ends with what it records, and when its scope is left, and is stored then under its name in
    `session.recordings`. Commands to one that has ended do nothing.
    """

    def __init__(self, place: Place, name: str) -> None:
        self.name = name
        self.target = place
        """The channel or bridge that it records."""
        self.recording: models.LiveRecording | None = None
        """What Asterisk said of it last."""
        self._stopped = False
        self._discarded = False
        self._ended = False
        self._over = asyncio.Event()
        self._watch = Watch(place.session, self.key, self)

    def __repr__(self) -> str:
        state = self.recording.state if self.recording is not None else "new"
        return f"<Recording {self.name!r} of {self.target.key} {state}>"

    @property
    def key(self) -> str:
        """What events name it by."""
        return f"recording:{self.name}"

    @property
    def generation(self) -> int:
        """Of the link when it was last known to be there."""
        return self._watch.generation

    async def wait(self, seconds: float = 3600.0) -> models.LiveRecording:
        """Wait until it has ended; return what Asterisk said of it.

        Its `state` is `done`, `failed` with a `cause`, or `canceled` where it was thrown away. A
        hang-up ends a recording well. Without a `duration` no event told of its end.

        Raises:
            TimeoutError: it still runs after so many seconds.
            ChannelGone: the channel is gone, and what became of the recording was not told.
            BridgeGone: the bridge is.
        """
        async with asyncio.timeout(seconds):
            await self._over.wait()
        if not self._ended or self.recording is None:
            raise self.target.absence()
        if self.recording.state == "failed":
            extra = {"target": self.target.key, "recording": self.name}
            logger.warning("ari_recording_failed", extra=extra)
        return self.recording

    async def stop(self) -> None:
        """End it and keep it; `wait` tells when it is stored. Raises AriError."""
        self._stopped = True
        await self._command(self.target.session.recordings.stop)

    async def discard(self) -> None:
        """End it and throw it away. Raises AriError."""
        self._discarded = True  # before sending: its event may come before the answer
        try:
            await self._command(self.target.session.recordings.cancel)
        except AriError:
            self._discarded = False
            raise

    async def pause(self) -> None:
        """Leave out what follows. One that has not begun refuses: InvalidState. Raises AriError."""
        await self._command(self.target.session.recordings.pause)

    async def unpause(self) -> None:
        """Go on. Raises AriError."""
        await self._command(self.target.session.recordings.unpause)

    async def mute(self) -> None:
        """Record silence in place of what follows. Raises AriError."""
        await self._command(self.target.session.recordings.mute)

    async def unmute(self) -> None:
        """Record again what is said. Raises AriError."""
        await self._command(self.target.session.recordings.unmute)

    async def _command(self, operation: Callable[[str], Awaitable[None]]) -> None:
        if self._over.is_set():
            return
        try:
            await operation(self.name)
        except NotFound:
            self._watch.look_soon()  # its event is on its way, or was missed

    async def begin(self, seconds: int, options: RecordingOptions) -> None:
        """Ask Asterisk to record; its events are heard from before."""
        self._watch.open()
        self.target.carry(self)
        try:
            answer = await self.target.sounding.record(
                self.target.id,
                self.name,
                options.get("format", "wav"),
                max_duration_seconds=seconds,
                max_silence_seconds=options.get("silence"),
                if_exists=options.get("if_exists"),
                beep=options.get("beep"),
                terminate_on=options.get("terminator"),
            )
            self.recording = self.recording or answer
        except UnknownOutcome:
            if self.recording is None and not await self._exists():
                self.lose()
                raise
        except BaseException:
            self.lose()  # another of this name may run, which is not ours to end
            raise

    async def _exists(self) -> bool:
        try:
            self.recording = await self.target.session.recordings.get_live(self.name)
        except NotFound:
            return False
        return self.recording.target_uri == self.target.key

    async def leave(self) -> None:
        """Have it over and stored; for the end of its scope. Raises AriError."""
        await self.stop()
        await self._over.wait()

    def take(self, event: Event | UnknownEvent) -> None:
        """Take an event about it."""
        match event:
            case RecordingStarted():
                self.recording = event.recording
                if self._stopped:  # before it had begun, which 16.28 mostly forgets
                    session = self.target.session
                    session.spawn(undone(session, self.key, self.stop))
            case RecordingFinished() | RecordingFailed():
                state = "canceled" if self._discarded else event.recording.state
                self._end(msgspec.structs.replace(event.recording, state=state))
            case _:
                pass

    async def look(self) -> None:
        """Ask Asterisk how it is now, and whether it is stored. Raises AriError."""
        try:
            self.recording = await self.target.session.recordings.get_live(self.name)
        except NotFound:
            if self._discarded or self.recording is None:
                raise
            await self.target.session.recordings.get_stored(self.name)
            self._end(msgspec.structs.replace(self.recording, state="done"))

    def miss(self) -> None:
        """Take note that there is none, stored or running, and that no event told so."""
        if self.recording is not None:
            state = "canceled" if self._discarded else "failed"
            self._end(msgspec.structs.replace(self.recording, state=state))

    def lose(self) -> None:
        """Take note that what it recorded is gone."""
        self._over.set()
        self._watch.close()
        self.target.drop(self)

    def _end(self, recording: models.LiveRecording) -> None:
        self.recording = recording
        self._ended = True
        self.lose()
