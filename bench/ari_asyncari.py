"""asyncari in `ari.py`, with what costs it least: a plain callback on each channel, not a task."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from ari_program import run

if TYPE_CHECKING:
    from ari_program import Tally, Wanted

asyncari: Any = importlib.import_module("asyncari")  # it has no types, nor has everybody got it


async def hear(wanted: Wanted, tally: Tally) -> None:
    """Register a callback for all events of each channel."""
    registered: dict[str, Any] = {}

    def count(event: Any) -> None:
        if event.type == "StasisEnd":
            registered.pop(event.channel.id).close()
            tally.end()
        elif event.type != "StasisStart":  # it comes here too, or not: the two tasks race
            tally.hear()

    async with _connected(wanted) as client, client.on_channel_event("StasisStart") as starts:
        async for found, _ in starts:
            channel = found["channel"]
            tally.start()
            registered[channel.id] = channel.on_event("*", count)


async def answer(wanted: Wanted) -> None:
    """Take calls."""
    async with _connected(wanted) as client, client.on_channel_event("StasisStart") as starts:
        async for found, _ in starts:
            client.taskgroup.start_soon(_take, found["channel"])


async def _take(channel: Any) -> None:
    await channel.answer()
    await channel.setChannelVar(variable="AI_STATUS", value="ok")
    await channel.continueInDialplan()


def _connected(wanted: Wanted) -> Any:
    url = f"http://{wanted.origin}/"
    return asyncari.connect(url, wanted.application, wanted.username, wanted.password)


if __name__ == "__main__":
    if "quiet" in sys.argv:
        # It pretty-prints every event for its log, even while the log is off.
        vars(importlib.import_module("asyncari.client"))["pformat"] = str
    run(hear, answer)
