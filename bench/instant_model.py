"""A language model that answers at once: OpenAI's chat completions, streamed, and nothing else.

    python bench/instant_model.py PORT [SECONDS [SENTENCES]]

Whatever is asked, the same answer of some twenty tokens comes back, a chunk for each. It stands in
for a model where the time and the CPU around the model are measured. With SECONDS it is a slow one:
it writes an answer of so many sentences (5) and takes so long for each word.

Where tools are offered, it asks for the first of them before it answers; beside the model, at
/v1/hours, is what that tool may call.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ANSWER = (
    "We are open from nine in the morning until six in the evening, "
    "and on Saturdays until one o'clock."
)
SENTENCES = (
    ANSWER,
    "On Sundays and on holidays the shop is closed.",
    "You find us in the old market, right beside the town hall.",
    "There is a place to park behind the house, and it is free for our customers.",
    "Shall I keep a book for you until tomorrow?",
)
ARGUMENTS = ('{"day"', ": ", '"satur', 'day"}')
"""Of the call that it asks for, in the pieces in which it writes them."""
HOURS = {"day": "saturday", "from": "9:00", "until": "13:00"}
"""What the tool says."""


class _Function(msgspec.Struct):
    name: str


class _Tool(msgspec.Struct):
    function: _Function


class _Said(msgspec.Struct):
    role: str


class _Asked(msgspec.Struct):
    messages: list[_Said]
    tools: list[_Tool] = []


def _event(choices: list[dict[str, object]], **more: object) -> bytes:
    chunk = {
        "id": "chatcmpl-instant",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "instant",
        "choices": choices,
        **more,
    }
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"


def _delta(text: str, end: str | None = None) -> bytes:
    delta = {"role": "assistant", "content": text}
    return _event([{"index": 0, "delta": delta, "finish_reason": end}])


def _call(name: str) -> Iterator[bytes]:
    first = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": ""}}
    for call in (first, *({"function": {"arguments": piece}} for piece in ARGUMENTS)):
        delta = {"tool_calls": [{"index": 0, **call}]}
        yield _event([{"index": 0, "delta": delta, "finish_reason": None}])


_USAGE = {"prompt_tokens": 40, "completion_tokens": 20, "total_tokens": 60}
_LAST = (_event([], usage=_USAGE), b"data: [DONE]\n\n")


class _Model:
    def __init__(self, pace: float, sentences: int) -> None:
        self._pace = pace
        answer = " ".join(SENTENCES[:sentences])
        self._words = [_delta(f"{word} ") for word in answer.split()]
        self._decoder = msgspec.json.Decoder(_Asked)

    async def complete(self, request: web.Request) -> web.StreamResponse:
        asked = self._decoder.decode(await request.read())
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if asked.tools and asked.messages[-1].role != "tool":
            await self._write(response, [*_call(asked.tools[0].function.name)], "tool_calls")
        else:
            await self._write(response, self._words, "stop")
        return response

    async def _write(self, response: web.StreamResponse, pieces: Sequence[bytes], end: str) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number, piece in enumerate(pieces, 1):
            if self._pace:  # by the clock: a late word makes no other one late
                await asyncio.sleep(began + number * self._pace - loop.time())
            await response.write(piece)
        for event in (_delta("", end), *_LAST):
            await response.write(event)


async def _tell_hours(_request: web.Request) -> web.Response:
    return web.Response(body=msgspec.json.encode(HOURS), content_type="application/json")


def main() -> None:
    """Serve until ended by a signal."""
    app = web.Application()
    port, pace, sentences = (*sys.argv[1:], "0", "5")[:3]
    model = _Model(float(pace), int(sentences) if float(pace) else 1)
    app.router.add_post("/v1/chat/completions", model.complete)
    app.router.add_get("/v1/hours", _tell_hours)
    web.run_app(app, host="127.0.0.1", port=int(port), access_log=None, print=None)


if __name__ == "__main__":
    main()
