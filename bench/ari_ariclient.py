"""ari-client in `ari.py`: a handler for each type of event, and a dict by channel of our own."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any

from ari_program import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from ari_program import Tally, Wanted

ari_client: Any = importlib.import_module("ari_client")  # not everybody has got it


async def hear(wanted: Wanted, tally: Tally) -> None:
    """Find the function of an event's channel in a dict."""
    handlers: dict[str, Callable[[Any], None]] = {}

    def count(_: Any) -> None:
        tally.hear()

    async def start(event: Any) -> None:
        handlers[event.channel.id] = count
        tally.start()

    async def end(event: Any) -> None:
        del handlers[event.channel.id]
        tally.end()

    async def about_channel(event: Any) -> None:
        handlers[event.channel.id](event)

    async def about_playback(event: Any) -> None:
        handlers[event.playback.target_uri.removeprefix("channel:")](event)

    client = _client(wanted)
    for kind in ari_client.EVENT_MODEL_MAP:
        of_playback = kind.startswith("Playback")
        client.on_event(kind)(about_playback if of_playback else about_channel)
    client.on_stasis_start(start)
    client.on_stasis_end(end)
    await client.connect(wanted.application)
    await asyncio.Event().wait()


async def answer(wanted: Wanted) -> None:
    """Take calls."""
    client = _client(wanted)

    async def take(event: Any) -> None:
        channel = event.channel.id
        await client.ari.answer_channel(channel)
        await client.ari.set_channel_variable(channel, "AI_STATUS", "ok")
        await client.ari.continue_in_dialplan(channel)

    client.on_stasis_start(take)
    await client.connect(wanted.application)
    await asyncio.Event().wait()


def _client(wanted: Wanted) -> Any:
    host, port = wanted.origin.split(":")
    return ari_client.AriClient(host, int(port), wanted.username, wanted.password)


if __name__ == "__main__":
    run(hear, answer)
