"""Waiting that a cancellation or a second wait does not tear apart."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import TYPE_CHECKING, TypeVar

from dialogari.ari.backoff import backoff
from dialogari.ari.errors import AriError, ChannelGone, UnknownOutcome, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from dialogari.ari.session import Session

    Undo = Callable[[], Coroutine[object, object, object]]

T = TypeVar("T")

logger = logging.getLogger(__name__)

UNDO_LIMIT = 5.0
"""Seconds that ending something may take when its scope is left."""
INSIST_LIMIT = 600.0
"""Seconds after which something that could not be ended is given up."""


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


async def undone(session: Session, key: str, undo: Undo) -> None:
    """Undo what a scope had, even when cancelled; that it fails is logged only.

    What Asterisk can't be told now it is told once the link is back: what still plays or records
    would keep its channel from leaving, though it has been sent back.
    """

    async def try_now() -> None:
        if not await _tried(key, undo):
            session.spawn(_insist(session, key, undo))

    await settled(try_now())


async def _tried(key: str, undo: Undo) -> bool:
    """Try once; tell whether that settled it, one way or the other."""
    try:
        async with asyncio.timeout(UNDO_LIMIT):
            await undo()
    except ChannelGone:
        pass
    except (Unreachable, UnknownOutcome, TimeoutError) as error:
        extra = {"object": key, "cause": str(error) or "it took too long"}
        logger.info("ari_end_delayed", extra=extra)
        return False
    except AriError as error:
        logger.warning("ari_end_failed", extra={"object": key, "cause": str(error)})
    return True


async def _insist(session: Session, key: str, undo: Undo) -> None:
    """Try again whenever the link is up."""
    try:
        async with asyncio.timeout(INSIST_LIMIT):
            for delay in backoff():
                await session.wait_until_ready()
                if await _tried(key, undo):
                    return
                await asyncio.sleep(delay)
    except TimeoutError:
        logger.warning("ari_end_failed", extra={"object": key, "cause": "it took too long"})


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
