"""G12. On the wire we do nothing that harms an Asterisk, and take whatever it sends.

Never a pong that was not asked for, which crashes 22.11.0-rc1 and 23.5.0-rc1; a ping where nothing
comes for a while; events and answers of megabytes.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

import pytest

from ari_line import FAKE, Way, on
from ari_serving import until
from dialogari.ari import LinkState
from dialogari.ari.models import ChannelUserevent
from dialogari.ari.request import Request
from dialogari.ari.transport import server, websocket
from either_pbx import LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ari_line import Line

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def opcodes(stream: bytes) -> Iterator[int]:
    """Yield the kind of each websocket frame (RFC 6455, section 5.2) after the handshake."""
    _, _, rest = stream.partition(b"\r\n\r\n")
    while len(rest) >= 2:
        yield rest[0] & 0x0F
        size, header = rest[1] & 0x7F, 2
        if size == 126:
            (size,), header = struct.unpack(">H", rest[2:4]), 4
        elif size == 127:
            (size,), header = struct.unpack(">Q", rest[2:10]), 10
        masked = 4 if rest[1] & 0x80 else 0
        rest = rest[header + masked + size :]


def ours(line: Line) -> list[int]:
    """Return the kinds of all frames that we sent on events sockets."""
    if line.way is Way.INBOUND:
        streams = [bytes(wire.sent) for wire in line.cable.wires if b"/ari/events?" in wire.sent]
    else:
        streams = [bytes(wire.answered) for wire in line.cable.wires]
    return [kind for stream in streams for kind in opcodes(stream)]


async def test_pings_and_no_pongs(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet socket is pinged; nothing but texts, pings and a close ever leaves us."""
    monkeypatch.setattr(websocket, "HEARTBEAT", 0.1)
    monkeypatch.setattr(server, "HEARTBEAT", 0.1)
    async with line.one_call() as visit:
        await visit.call.answer()
        await until(lambda: PING in ours(line))
        assert visit.call.session.state is LinkState.READY
    sent = set(ours(line))

    assert PING in sent
    assert sent <= {TEXT, PING, CLOSE}


@on(*FAKE)
async def test_event_of_megabytes(line: Line) -> None:
    """An event may have any size; those around it come whole and in order."""
    async with (
        line.one_call() as visit,
        visit.call.session.listen(types=(ChannelUserevent,)) as all_,
    ):
        for text in ("1", "2" * 5_000_000, "3"):
            event = {"type": "ChannelUserevent", "eventname": "x", "userevent": {"text": text}}
            await line.fake.send(visit.call.session.application, event)
        async with asyncio.timeout(LIMIT):
            told = [str((await anext(all_)).userevent["text"]) for _ in range(3)]

        assert [(text[0], len(text)) for text in told] == [("1", 1), ("2", 5_000_000), ("3", 1)]


async def test_long_texts(line: Line) -> None:
    """Events of 30 kB and an answer of 40 kB come whole, on the same socket where there is one."""
    texts = [f"{number}{'ñ' * 15_000}" for number in range(3)]
    async with line.one_call() as visit, visit.call.listen(ChannelUserevent) as events:
        for text in texts:
            await visit.call.publish("long", {"text": text})
        async with asyncio.timeout(LIMIT):
            assert [(await anext(events)).userevent["text"] for _ in texts] == texts
        answer = await visit.call.session.send(
            Request("GET", "api-docs/channels.json", repeatable=True)
        )

        assert (len(answer.body) > 40_000) == line.is_real
