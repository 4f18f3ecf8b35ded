"""Waiting that a cancellation or a second wait does not tear apart."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import TYPE_CHECKING, TypeVar

from dialogari.ari.errors import AriError, ChannelGone

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

logger = logging.getLogger(__name__)

UNDO_LIMIT = 5.0
"""Seconds that ending something may take when its scope is left."""


def new_id() -> str:
    """Return a name that no object of any Asterisk has: chosen by us, it is known beforehand."""
    return uuid.uuid4().hex


async def settled(coroutine: Coroutine[object, object, T]) -> T:
    """Await something that has its own time limit to its end; a cancellation meanwhile is late.

    A command that makes something is awaited so: given up half-way, nobody would know whether
    there is something to undo.
    """
    task = asyncio.ensure_future(coroutine)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # it has been seen: the cancellation is what counts
    raise cancelled


async def undone(key: str, undoing: Coroutine[object, object, object]) -> None:
    """Await the undoing of what a scope had, even when cancelled; that it fails is logged only."""

    async def undo() -> None:
        try:
            async with asyncio.timeout(UNDO_LIMIT):
                await undoing
        except ChannelGone:
            pass
        except (AriError, TimeoutError) as error:
            extra = {"object": key, "cause": str(error) or "it took too long"}
            logger.warning("ari_end_failed", extra=extra)

    await settled(undo())


async def first_of(*coroutines: Coroutine[object, object, object]) -> None:
    """Wait until one of them ends, and cancel the others; raise what it raised."""
    tasks = {asyncio.ensure_future(coroutine) for coroutine in coroutines}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
