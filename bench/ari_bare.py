"""The baseline of `ari.py`: `websockets`, msgspec and a dict by hand, and nothing beside.

No reconnect, no proof of the link, no recovery, no errors, no task for a call's events.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
from ari_program import run
from bare_client import Pbx, be_quiet, open_socket
from websockets.asyncio.client import connect

from dialogari.ari.models import AnyEvent, PlaybackFinished, PlaybackStarted, StasisEnd, StasisStart

if TYPE_CHECKING:
    from collections.abc import Callable

    from ari_program import Tally, Wanted
    from bare_client import AriSocket

    from dialogari.ari.models import Event


async def hear(wanted: Wanted, tally: Tally) -> None:
    """Hand every event to a function in a dict."""
    decode = msgspec.json.Decoder(AnyEvent).decode
    handlers: dict[str, Callable[[Event], None]] = {}

    def count(event: Event) -> None:
        if type(event) is StasisEnd:
            del handlers[event.channel.id]
            tally.end()
        else:
            tally.hear()

    query = f"app={wanted.application}&api_key={wanted.username}:{wanted.password}"
    url = f"ws://{wanted.origin}/ari/events?{query}"
    async with connect(url, compression=None, max_size=None, proxy=None) as socket:
        while True:
            event = decode(await socket.recv(decode=False))
            if type(event) is StasisStart:
                handlers[event.channel.id] = count
                tally.start()
            elif isinstance(event, (PlaybackStarted, PlaybackFinished)):
                handlers[event.playback.target_uri.removeprefix("channel:")](event)
            else:
                handlers[event.channel.id](event)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType] - no others are recorded


async def answer(wanted: Wanted) -> None:
    """Take calls as `bare_client.py` does."""
    pbx = Pbx(wanted.url, wanted.username, wanted.password)
    async with open_socket(pbx, wanted.application) as socket, asyncio.TaskGroup() as tasks:
        tasks.create_task(be_quiet(socket, wanted.application))
        async for frame in socket.frames():
            if frame.type == "StasisStart" and frame.channel is not None:
                tasks.create_task(_take(socket, f"channels/{frame.channel.id}"))


async def _take(socket: AriSocket, path: str) -> None:
    await socket.send("POST", f"{path}/answer")
    await socket.send("POST", f"{path}/variable", {"variable": "AI_STATUS", "value": "ok"})
    await socket.send("POST", f"{path}/continue")


if __name__ == "__main__":
    run(hear, answer)
