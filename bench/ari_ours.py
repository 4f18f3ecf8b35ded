"""`dialogari.ari` in `ari.py`: one coroutine a call, which reads its call's events in order."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Self

from ari_program import run

from dialogari.ari import Client, Server
from dialogari.ari.models import StasisStart
from dialogari.ari.request import Request

if TYPE_CHECKING:
    from ari_program import Tally, Wanted

    from dialogari.ari import Call
    from dialogari.ari.models import Event, UnknownEvent


async def hear(wanted: Wanted, tally: Tally) -> None:
    """Read the events of each call in its own coroutine."""
    async with _Listening(_server(wanted), wanted.application) as client:

        async def handle(call: Call) -> None:
            tally.start()
            try:
                async for _ in client.listen(call):
                    tally.hear()
            finally:  # the StasisEnd cancels
                tally.end()

        await client.serve(handle, resumed=handle)


async def answer(wanted: Wanted) -> None:
    """Take calls."""
    async with Client(_server(wanted), wanted.application) as client:

        async def handle(call: Call) -> None:
            await client.send(Request("POST", f"channels/{call.id}/answer", repeatable=True))
            await call.set_variables({"AI_STATUS": "ok"})
            await call.continue_in_dialplan()

        await client.serve(handle, resumed=handle)


def _server(wanted: Wanted) -> Server:
    return Server(wanted.url, wanted.username, wanted.password)


# What follows stands in for `async with call.listen() as events`, until that exists.
class _Events:
    """A queue for one reader."""

    def __init__(self) -> None:
        self._events: deque[Event | UnknownEvent] = deque()
        self._waiting: asyncio.Future[None] | None = None

    def put(self, event: Event | UnknownEvent) -> None:
        self._events.append(event)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event | UnknownEvent:
        while not self._events:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return self._events.popleft()


class _Listening(Client):
    """A client whose calls can be listened to."""

    def __init__(self, server: Server, application: str) -> None:
        super().__init__(server, application)
        self._events: dict[str, _Events] = {}

    def listen(self, call: Call) -> _Events:
        return self._events[call.id]

    def receive(self, event: Event | UnknownEvent) -> None:
        if type(event) is StasisStart:
            self._events[event.channel.id] = _Events()
        else:
            for channel in event.channel_ids():
                self._events[channel].put(event)
        super().receive(event)


if __name__ == "__main__":
    run(hear, answer)
