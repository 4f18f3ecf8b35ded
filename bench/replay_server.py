"""Plays a recorded call to clients of ARI as many calls at once, as fast as a client reads.

    python bench/replay_server.py PORT RECORDING

It answers what clients ask at their start as the recorded Asterisk did, and every other command
with 204; a user event comes back as an event. Beside ARI, for the benchmark:

    GET /connected/APP                  200 or 404
    POST /park/APP?calls=N              every call's StasisStart
    POST /replay/APP?calls=N&seconds=S  the same, then the calls' other events, each of all calls in
                                        turn, over and over for so long, then every StasisEnd

Both answer with the number of events, once the last is written. Frames are made before the clock
starts, so that this process waits for the client and not the other way round.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from ari_recording import NEAR, Recording
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from dialogari.ari.models import Application

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Iterator, Mapping, Sequence

PIECE = 100
"""Frames written at a time, between looks at the client's speed; whole ones, because answers and
pongs are written in between."""
LARGEST_READ = 64 * 1024
NUMBER = 6
"""Digits of a call's number, the last of every name it has."""


class _UserEvent(msgspec.Struct):
    variables: dict[str, str]
    application: str = ""


class _Command(msgspec.Struct):
    """A RESTRequest, as far as it is answered."""

    request_id: str
    method: str
    uri: str
    message_body: str = ""


class Calls:
    """The frames of many calls for one application, ready to be written."""

    def __init__(self, recording: Recording, application: str, calls: int) -> None:
        rows = [self._row(recording, frame, application, calls) for frame in recording.frames]
        self.calls = calls
        self.start, *self.between, self.end = rows

    def _row(self, recording: Recording, frame: bytes, application: str, calls: int) -> list[bytes]:
        """Return one event of all calls, in pieces."""
        frame = frame.replace(f'"{NEAR}"'.encode(), f'"{application}"'.encode())
        pattern = re.compile(b"|".join(re.escape(word) for word in recording.own))
        frames: list[bytes] = []
        for number in range(calls):
            mark = f"{number:0{NUMBER}}".encode()
            text = pattern.sub(lambda found, mark=mark: found[0][:-NUMBER] + mark, frame)
            frames.append(_sealed(text))
        return [b"".join(frames[at : at + PIECE]) for at in range(0, calls, PIECE)]


def _registered(application: str) -> Application:
    """Return an application that has nothing."""
    return Application(
        name=application,
        channel_ids=[],
        bridge_ids=[],
        endpoint_ids=[],
        device_names=[],
        events_allowed=[],
        events_disallowed=[],
    )


class Server:
    """One server for all clients; each has an application of its own."""

    def __init__(self, recording: Recording, address: str) -> None:
        self._recording = recording
        self._documents = {
            path: text.replace(recording.address, address.encode())
            for path, text in recording.documents.items()
        }
        self._sockets: dict[str, StreamWriter] = {}
        self._calls: dict[tuple[str, int], Calls] = {}

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection: commands one after the other, or a websocket."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if b"upgrade: websocket" in head.lower():
                    await self._serve_websocket(head, reader, writer)
                    return
                length = re.search(rb"content-length: *(\d+)", head.lower())
                body = await reader.readexactly(int(length[1])) if length else b""
                method, target = head.split(None, 2)[:2]
                status, answer = await self._answer(method.decode(), target.decode(), body)
                writer.write(_http(status, answer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _serve_websocket(
        self, head: bytes, reader: StreamReader, writer: StreamWriter
    ) -> None:
        protocol = ServerProtocol()
        protocol.receive_data(head)
        request = protocol.events_received()[0]
        assert isinstance(request, Request)  # noqa: S101 - it is what comes first
        protocol.send_response(protocol.accept(request))
        writer.write(b"".join(protocol.data_to_send()))
        application = dict(parse_qsl(urlsplit(request.path).query))["app"]
        self._sockets[application] = writer
        while data := await reader.read(LARGEST_READ):
            protocol.receive_data(data)
            for frame in protocol.events_received():
                if isinstance(frame, Frame) and frame.opcode is Opcode.TEXT:
                    command = msgspec.json.decode(frame.data, type=_Command)
                    writer.write(_sealed(await self._rest_response(application, command)))
            writer.write(b"".join(protocol.data_to_send()))
        del self._sockets[application]

    async def _rest_response(self, application: str, command: _Command) -> bytes:
        path = f"/ari/{command.uri}"
        status, body = await self._answer(command.method, path, command.message_body.encode())
        envelope = {
            "status_code": status,
            "request_id": command.request_id,
            "transaction_id": "",
            "reason_phrase": "",
            "uri": command.uri,
            "message_body": body.decode(),
        }
        return _event("RESTResponse", application, envelope)

    async def _answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(target)
        path, query = parts.path, dict(parse_qsl(parts.query))
        match [unquote(part) for part in path.strip("/").split("/")]:
            case ["connected" | "park" | "replay" as order, application]:
                return await self._obey(order, application, query)
            case ["ari", "events", "user", name]:
                told = msgspec.json.decode(body, type=_UserEvent)
                listening = told.application or query["application"]
                event = {"eventname": name, "userevent": told.variables}
                frame = _event("ChannelUserevent", listening, event)
                self._sockets[listening].write(_sealed(frame))
                return 204, b""
            case ["ari", "applications", application, "eventFilter"]:
                return 200, msgspec.json.encode(_registered(application))
            case ["ari", "channels"] if method == "GET":
                return 200, b"[]"
            case ["ari", *rest] if "/".join(rest) in self._documents:
                return 200, self._documents["/".join(rest)]
            case _:
                return (404, b'{"message":"not recorded"}') if method == "GET" else (204, b"")

    async def _obey(
        self, order: str, application: str, query: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Do what the benchmark says; 404: the client is not there."""
        try:
            sent = 0
            if order == "connected":
                _ = self._sockets[application]
            else:
                seconds = float(query["seconds"]) if order == "replay" else None
                sent = await self._play(application, int(query["calls"]), seconds)
        except (ConnectionError, KeyError):
            return 404, b""
        return 200, str(sent).encode()

    async def _play(self, application: str, calls: int, seconds: float | None) -> int:
        """Write the events and return how many they were."""
        if (application, calls) not in self._calls:
            self._calls[application, calls] = Calls(self._recording, application, calls)
        played = self._calls[application, calls]
        writer, sent = self._sockets[application], 0
        for row in _rows(played, seconds):
            for piece in row:
                writer.write(piece)
                await writer.drain()
            sent += calls
        return sent


def _rows(played: Calls, seconds: float | None) -> Iterator[list[bytes]]:
    """Yield what to write; `seconds` is None where the calls are to stay."""
    yield played.start
    if seconds is None:
        return
    until = time.monotonic() + seconds
    while True:
        yield from played.between  # always all: asyncari dies where a bridge is entered twice
        if time.monotonic() > until:
            break
    yield played.end


def _sealed(text: bytes) -> bytes:
    """Return a server's websocket frame."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


def _event(kind: str, application: str, fields: Mapping[str, object]) -> bytes:
    shared = {"type": kind, "application": application, "timestamp": "2026-11-22T09:44:01.000+0000"}
    return msgspec.json.encode({**shared, **fields})


def _http(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _run(port: int, recording: Recording) -> None:
    server = Server(recording, f"127.0.0.1:{port}")
    async with await asyncio.start_server(server.serve, "127.0.0.1", port) as listening:
        await listening.serve_forever()


def main(arguments: Sequence[str]) -> None:
    """Serve until ended by a signal."""
    recording = msgspec.json.decode(Path(arguments[1]).read_bytes(), type=Recording)
    asyncio.run(_run(int(arguments[0]), recording))


if __name__ == "__main__":
    main(sys.argv[1:])
