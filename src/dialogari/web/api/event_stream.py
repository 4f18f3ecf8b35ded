"""Server-sent events: written as they come, kept alive, and ended when the reader is gone.

The source of the events is closed when the client leaves, which cancels what it was doing. A client
that stops reading counts as gone, for it would hold what it reads from for ever.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from fastapi.sse import format_sse_event
from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

MEDIA_TYPE: Final = "text/event-stream"
BEAT: Final = 15.0
"""Seconds between signs of life, which keep proxies from closing a silent stream."""
PATIENCE: Final = 10.0
"""Seconds a client may take to read what it was sent."""
_SIGN: Final = b": alive\n\n"

Event = tuple[str, BaseModel]
"""Its name and its data."""


class EventStream(Response):
    """Answers with events."""

    media_type = MEDIA_TYPE

    def __init__(self, events: AsyncGenerator[Event]) -> None:
        # Proxies must not gather events, and nobody may keep them.
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["Content-Length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write the events until there are no more or the client is gone."""
        del scope
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(self._write(send))
            beside = [
                tasks.create_task(_beat(send)),
                tasks.create_task(_cancel_when_gone(receive, writing)),
            ]
            await asyncio.wait({writing})
            for task in beside:
                task.cancel()

    async def _write(self, send: Send) -> None:
        async with aclosing(self._events) as events:
            async for name, data in events:
                event = format_sse_event(event=name, data_str=data.model_dump_json())
                try:
                    async with asyncio.timeout(PATIENCE):
                        await _send(send, event)
                except TimeoutError:
                    return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _beat(send: Send) -> None:
    while True:
        await asyncio.sleep(BEAT)
        await _send(send, _SIGN)


async def _cancel_when_gone(receive: Receive, writing: asyncio.Task[None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    writing.cancel()
