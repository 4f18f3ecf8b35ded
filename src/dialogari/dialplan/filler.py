"""What a caller hears while he waits for an answer that takes long."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from dialogari.ari import AriError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.ari import Call

LONGEST = 300.0
"""Seconds; no turn takes longer."""

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.dialplan")


@dataclass(frozen=True, slots=True)
class Filler:
    """What to play, and after how many seconds without an answer."""

    after: float
    media: str
    """As Asterisk's ARI names it: `sound:NAME`, `tone:NAME`."""

    @asynccontextmanager
    async def covering(self, call: Call) -> AsyncGenerator[None]:
        """Play while the block takes longer; silent again when it is left.

        A channel that is not up hears nothing: to play to it would be to answer it. What can't be
        played is logged, and costs nothing else.
        """
        if call.channel.state != "Up":
            yield
            return
        playing = call.start(self._play(call))
        try:
            yield
        finally:
            playing.cancel()
            await asyncio.wait({playing})

    async def _play(self, call: Call) -> None:
        await asyncio.sleep(self.after)
        try:
            await call.play(self.media, seconds=LONGEST)
        except (AriError, TimeoutError) as error:
            logger.info("filler_not_played", cause=type(error).__name__)
