"""What servers and networks do wrong, byte by byte: always a reason of ours, and soon."""

from __future__ import annotations

import asyncio
import json
import ssl
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from agent.chat.raw_server import EVENTS, Visit, always, event, serve, words
from dialogari.agent.answer import ModelAgent
from dialogari.agent.models import Models
from dialogari.agent.provider import Provider
from dialogari.turn import AgentDone, AgentRequest, Status, TextDelta, TurnError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from agent.chat.raw_server import Script

REQUEST = AgentRequest("hello", "", "acme:m")
STOP = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
DONE = b"data: [DONE]\n\n"
POISON = "sk-poison of the server's"


def page(status: str, kind: str, body: str, more: str = "") -> bytes:
    """Return a whole response."""
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"Connection: close\r\n{more}\r\n{body}"
    ).encode()


def told(error: object) -> bytes:
    """Return a stream that says a word and then this error."""
    return EVENTS + words("Well, ") + event(error=error)


FAULTS = {
    "html": (page("200 OK", "text/html", f"<html>{POISON}</html>"), "unexpected_answer"),
    "html as events": (EVENTS + b"<html>\n" * 9, "unexpected_answer"),
    "nothing": (EVENTS, "unexpected_answer"),
    "no content": (page("204 No Content", "text/plain", ""), "http_204"),
    "redirect": (
        page("307 Moved", "text/plain", "", "Location: http://127.0.0.1:9/\r\n"),
        "http_307",
    ),
    "401": (page("401 Unauthorized", "application/json", POISON), "http_401"),
    "529": (page("529 Busy", "text/html", POISON), "http_529"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "malformed_answer"),
    "closed at once": (b"", "connection"),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-", "connection"),
    "head without end": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, "malformed_answer"),
    "malformed": (EVENTS + words("Well, ") + f"data: {{ {POISON}\n\n".encode(), "malformed_answer"),
    "another shape": (EVENTS + event(choices={"delta": 1}), "malformed_answer"),
    "deeply nested": (EVENTS + b"data: " + b"[" * 100_000 + b"\n\n", "malformed_answer"),
    "endless line": (EVENTS + b"data: " + b"x" * 2_000_000, "malformed_answer"),
    "chunk cut off": (
        EVENTS.replace(b"Connection", b"Transfer-Encoding: chunked\r\nConnection") + b"ff\r\ndata",
        "connection",
    ),
    "body cut off": (page("200 OK", "application/json", "{} ")[:-2], "connection"),
    "ends in mid-sentence": (EVENTS + words("Well, "), "ended_early"),
    "ends before a word": (EVENTS + words(""), "ended_early"),
    "JSON of another kind": (page("200 OK", "application/json", '{"a": 1}'), "ended_early"),
    "JSON that is none": (page("200 OK", "application/json", "{"), "malformed_answer"),
    "JSON error": (
        page("200 OK", "application/json", json.dumps({"error": {"code": 429}})),
        "http_429",
    ),
    "error with a code": (told({"message": POISON, "code": 502}), "http_502"),
    "error with a code as text": (told({"message": POISON, "code": "503"}), "http_503"),
    "error of a known type": (told({"type": "server_error", "code": None}), "http_500"),
    "error of a known code": (told({"type": "x", "code": "rate_limit_exceeded"}), "http_429"),
    "error of another type": (told({"type": "weather", "code": 7}), "server_error"),
    "error as text": (told(POISON), "server_error"),
    "error by its event": (
        EVENTS + words("Well, ") + b'event: error\ndata: {"message": "x"}\n\n',
        "server_error",
    ),
    "filtered": (
        EVENTS + event(choices=[{"delta": {}, "finish_reason": "content_filter"}]) + DONE,
        "content_filter",
    ),
    "out of tokens": (
        EVENTS + event(choices=[{"delta": {}, "finish_reason": "length"}]) + DONE,
        "token_limit",
    ),
}


async def ask(url: str) -> AgentDone:
    """Ask the server at `url` as the agent does."""
    models = Models([Provider("acme", url, "m", "sk-acme")], "acme")
    try:
        async with asyncio.timeout(3), aclosing(ModelAgent(models).reply(REQUEST)) as events:
            done = [event async for event in events][-1]
    finally:
        await models.aclose()
    assert isinstance(done, AgentDone)
    return done


@pytest.mark.parametrize(("sent", "reason"), FAULTS.values(), ids=FAULTS)
async def test_faults(sent: bytes, reason: str) -> None:
    """Each is `model_error` with its own reason, at once, without a word of the server's."""
    async with serve(always(sent)) as server:
        with pytest.raises(TurnError) as caught:
            await ask(server.url)

    assert (caught.value.status, caught.value.reason) == (Status.MODEL_ERROR, f"acme.{reason}")
    assert len(server.visits) == 1


RIGHT = {
    "as usual": words("Hello.") + STOP + DONE,
    "without [DONE]": words("Hello.") + STOP,
    "without a reason to finish": words("Hello.") + DONE,
    "reason with the last word": words("Hello.", "stop") + DONE,
    "an unknown reason": words("Hello.", "eos_token"),
    "without the last blank line": words("Hello.", "stop").rstrip(),
    "carriage returns": (words("Hello.") + STOP + DONE).replace(b"\n", b"\r\n"),
    "comments and events that say nothing": (
        b": ping\n\nevent: ping\ndata:\n\n" + words("Hello.") + b": ping\n\n" + STOP + DONE
    ),
    "fields nobody knows": event(choices=[{"delta": {"content": "Hello.", "x": [1]}}], y=2) + STOP,
    "nulls": event(choices=None, usage=None, error=None) + words("Hello.") + STOP,
    "thoughts": words("<think>") + words("hm") + words("</think>") + words("Hello.") + STOP,
    "thoughts beside": event(choices=[{"delta": {"reasoning_content": "hm"}}])
    + words("Hello.")
    + STOP,
}


@pytest.mark.parametrize("stream", RIGHT.values(), ids=RIGHT)
async def test_streams_that_are_right(stream: bytes) -> None:
    """Servers differ; an answer is an answer."""
    async with serve(always(EVENTS + stream)) as server:
        done = await ask(server.url)

    assert done.text == "Hello."


async def test_an_answer_that_is_not_streamed() -> None:
    """A JSON body with status 200 is an answer with its usage."""
    answer = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }
    async with serve(always(page("200 OK", "application/json", json.dumps(answer)))) as server:
        done = await ask(server.url)

    assert (done.text, done.usage.input_tokens, done.usage.output_tokens) == ("Hello.", 3, 2)


async def test_usage_told_more_than_once() -> None:
    """The last count is the sum."""
    counts = [event(choices=[], usage={"prompt_tokens": 5, "completion_tokens": n}) for n in (1, 2)]
    async with serve(always(EVENTS, words("Hello."), *counts, STOP, DONE)) as server:
        done = await ask(server.url)

    assert (done.usage.input_tokens, done.usage.output_tokens) == (5, 2)


async def test_an_emoji_in_two_chunks() -> None:
    """Half of it in each, as some tokenizers cut, ends no answer."""
    halves = [b'data: {"choices": [{"delta": {"content": "Hi \\ud83d"}}]}\n\n', words("!", "stop")]
    async with serve(always(EVENTS, *halves)) as server:
        done = await ask(server.url)

    assert done.text == "Hi !"


async def test_nobody_there() -> None:
    """A refused connection is `connection`."""
    with pytest.raises(TurnError) as caught:
        await ask("http://127.0.0.1:9/v1")

    assert caught.value.reason == "acme.connection"


async def test_a_certificate_nobody_knows(certificate: ssl.SSLContext) -> None:
    """TLS that is not to be trusted is `tls`, and nothing is sent."""
    async with serve(always(b""), tls=certificate) as server:
        with pytest.raises(TurnError) as caught:
            await ask(server.url)

    assert caught.value.reason == "acme.tls"
    assert server.visits == []


async def stall_at_once(visit: Visit) -> AsyncIterator[bytes]:
    """Say nothing at all."""
    await visit.closed.wait()
    yield b""


async def stall_after_a_word(visit: Visit) -> AsyncIterator[bytes]:
    """Say a word and no more."""
    yield EVENTS + words("Hello, ")
    await visit.closed.wait()


@pytest.mark.parametrize("script", [stall_at_once, stall_after_a_word])
async def test_leaving_closes_the_connection(script: Script) -> None:
    """A cancelled question closes its connection within 5 ms, before the first word and after."""
    loop = asyncio.get_running_loop()
    waits: list[float] = []
    for _ in range(5):  # the best of five: others share this machine
        async with serve(script) as server, asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(ask(server.url))
            while not server.visits:
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.02)
            left = loop.time()
            asking.cancel()
            async with asyncio.timeout(1):
                await server.visits[0].closed.wait()
            waits.append(server.visits[0].closed_at - left)

    assert min(waits) < 0.005


async def test_a_connection_is_kept_for_the_next_question() -> None:
    """An answer read to its end leaves its connection open; one that drags on does not delay it."""
    body = words("Hello.") + STOP + DONE
    head = EVENTS.replace(b"close", b"keep-alive\r\nTransfer-Encoding: chunked")

    async def soon_end(_: Visit) -> AsyncIterator[bytes]:
        yield head + f"{len(body):x}\r\n".encode() + body + b"\r\n"
        await asyncio.sleep(0.005)
        yield b"0\r\n\r\n"

    async def late_end(visit: Visit) -> AsyncIterator[bytes]:
        yield EVENTS + body
        await visit.closed.wait()

    models = Models([], "acme")
    async with serve(soon_end) as kind, serve(late_end) as slow:
        models.add(Provider("acme", kind.url, "m"))
        models.add(Provider("slow", slow.url, "m"))
        agent = ModelAgent(models)
        for _ in range(3):
            _, first, *_ = [e async for e in agent.reply(REQUEST)]
            assert first == TextDelta("Hello.")
        began = asyncio.get_running_loop().time()
        assert [e async for e in agent.reply(AgentRequest("", "", "slow:m"))]
        assert asyncio.get_running_loop().time() - began < 0.5
        await models.aclose()

    assert (len(kind.visits), kind.connections) == (3, 1)


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """A certificate of nobody's."""
    pytest.importorskip("cryptography")
    from tls_certificate import self_signed  # noqa: PLC0415 - needs cryptography

    return self_signed(tmp_path)
