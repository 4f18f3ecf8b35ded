"""A language model that answers at once: OpenAI's chat completions, streamed, and nothing else.

    python bench/instant_model.py PORT [SECONDS]

Whatever is asked, the same answer of some twenty tokens comes back, a chunk for each. It stands in
for a model where the time and the CPU around the model are measured. With SECONDS it is a slow one:
it writes an answer of five sentences and takes so long for each word.
"""

from __future__ import annotations

import asyncio
import sys

import msgspec
from aiohttp import web

ANSWER = (
    "We are open from nine in the morning until six in the evening, "
    "and on Saturdays until one o'clock."
)
LONG_ANSWER = (
    f"{ANSWER} On Sundays and on holidays the shop is closed. You find us in the old market, "
    "right beside the town hall. There is a place to park behind the house, and it is free for "
    "our customers. Shall I keep a book for you until tomorrow?"
)


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


_USAGE = {"prompt_tokens": 40, "completion_tokens": 20, "total_tokens": 60}
_END = (
    _delta("", "stop"),
    _event([], usage=_USAGE),
    b"data: [DONE]\n\n",
)


class _Model:
    def __init__(self, pace: float) -> None:
        self._pace = pace
        answer = LONG_ANSWER if pace else ANSWER
        self._words = [_delta(f"{word} ") for word in answer.split()]

    async def complete(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for word in self._words:
            if self._pace:
                await asyncio.sleep(self._pace)
            await response.write(word)
        for event in _END:
            await response.write(event)
        return response


def main() -> None:
    """Serve until ended by a signal."""
    app = web.Application()
    pace = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0  # noqa: PLR2004 - the second argument
    app.router.add_post("/v1/chat/completions", _Model(pace).complete)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()
