"""A language model that answers at once: OpenAI's chat completions, streamed, and nothing else.

    python bench/instant_model.py PORT

Whatever is asked, the same answer of some twenty tokens comes back, a chunk for each. It stands in
for a model where the time and the CPU around the model are measured.
"""

from __future__ import annotations

import sys

import msgspec
from aiohttp import web

ANSWER = (
    "We are open from nine in the morning until six in the evening, "
    "and on Saturdays until one o'clock."
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
_EVENTS = (
    *(_delta(f"{word} ") for word in ANSWER.split()),
    _delta("", "stop"),
    _event([], usage=_USAGE),
    b"data: [DONE]\n\n",
)


async def _complete(request: web.Request) -> web.StreamResponse:
    await request.read()
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for event in _EVENTS:
        await response.write(event)
    return response


def main() -> None:
    """Serve until ended by a signal."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", _complete)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()
