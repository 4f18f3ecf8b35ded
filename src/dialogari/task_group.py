"""A task group for background work, which does not change how errors of its block look.

This module imports nothing of ours.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator


@asynccontextmanager
async def entered(tasks: asyncio.TaskGroup) -> AsyncGenerator[asyncio.TaskGroup]:
    """Enter a task group; an error of the block leaves as it is, once the tasks have ended.

    The group alone would wrap it, and cancel its tasks. Here the block ends them in its own time,
    in a `finally`, whether it fails or not.
    """
    failure: BaseException | None = None
    async with tasks:
        try:
            yield tasks
        except BaseException as error:  # noqa: BLE001 - raised below: a task group would wrap it
            failure = error
    if failure is not None:
        raise failure
