"""The least that gives a caller an answer: the baseline for `turn.py`, and no part of the product.

One websocket, msgspec and aiohttp. For each call: read USER_INPUT, ask the model, set the twenty
variables that the bridge sets, continue. No history, no store, no prompt, no check, no deadline,
no reconnect, no log. Without a model it sets one variable and continues: what Asterisk itself and
the link to it cost.

Set in the environment, under the bridge's names: ASTERISK_ARI_URL, ASTERISK_ARI_USERNAME,
ASTERISK_ARI_PASSWORD, ASTERISK_APP_NAME, and OPENAI_BASE_URL for a model.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from websockets.asyncio.client import connect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from websockets.asyncio.client import ClientConnection

QUIET = ("ChannelVarset",)
"""Events nobody needs; twenty of them would come with each call."""
VARIABLES = (
    *("AI_RESPONSE", *(f"AI_RESPONSE_{number}" for number in range(1, 9)), "AI_RESPONSE_COUNT"),
    *("AI_ERROR", "ARI_ERROR", "SYSTEM_ERROR", "AI_MODEL_USED", "AI_LATENCY_MS", "AI_TURN"),
    *("AI_ACTION", "AI_ACTION_TARGET", "AI_MORE", "AI_STATUS"),
)
LARGEST_FRAME = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pbx:
    """Where an Asterisk's REST interface is, and who we are to it."""

    url: str
    username: str
    password: str = field(repr=False)


class Channel(msgspec.Struct):
    """The one field of a channel that matters here."""

    id: str


class Frame(msgspec.Struct):
    """What comes over the websocket, events and answers alike; the rest of it is skipped."""

    type: str
    timestamp: str = ""
    channel: Channel | None = None
    dialplan_app: str = ""
    dialplan_app_data: str = ""
    request_id: str = ""
    status_code: int = 0
    message_body: str = ""


class _Value(msgspec.Struct):
    value: str


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta


class _Chunk(msgspec.Struct):
    choices: list[_Choice]


class AriSocket:
    """The websocket of one application. Whoever reads `frames` lets its answers be known."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count()
        self._waiting: dict[str, asyncio.Future[Frame]] = {}
        self._decoder = msgspec.json.Decoder(Frame)

    async def frames(self) -> AsyncIterator[Frame]:
        """Yield the events; hand the answers to the commands that wait. Ends by raising."""
        while True:
            frame = self._decoder.decode(await self._connection.recv(decode=False))
            if frame.type == "RESTResponse":
                self._waiting.pop(frame.request_id).set_result(frame)
            else:
                yield frame

    async def send(self, method: str, uri: str, body: object = None) -> str:
        """Send a command and return the body of its answer.

        Raises:
            RuntimeError: Asterisk refused it.
        """
        number = str(next(self._numbers))
        command = {"type": "RESTRequest", "request_id": number, "method": method, "uri": uri}
        if body is not None:
            command["content_type"] = "application/json"
            command["message_body"] = msgspec.json.encode(body).decode()
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        await self._connection.send(msgspec.json.encode(command), text=True)
        frame = await answer
        if frame.status_code >= 400:  # noqa: PLR2004 - HTTP's first error status
            raise RuntimeError(f"{method} {uri}: {frame.status_code} {frame.message_body}")
        return frame.message_body


@asynccontextmanager
async def open_socket(
    pbx: Pbx, application: str, *, everything: bool = False
) -> AsyncGenerator[AriSocket]:
    """Connect as `application`; `everything`: with the events of all channels."""
    query = {
        "app": application,
        "api_key": f"{pbx.username}:{pbx.password}",
        "subscribeAll": str(everything).lower(),
    }
    address = f"ws{pbx.url.removeprefix('http')}/events?{urlencode(query)}"
    async with connect(
        address, compression=None, proxy=None, max_size=LARGEST_FRAME, max_queue=None
    ) as connection:
        yield AriSocket(connection)


async def be_quiet(socket: AriSocket, application: str) -> None:
    """Have Asterisk leave out the events of `QUIET`; somebody must read the frames meanwhile."""
    body = {"disallowed": [{"type": name} for name in QUIET]}
    await socket.send("PUT", f"applications/{application}/eventFilter", body)


async def _ask(session: aiohttp.ClientSession, url: str, question: str) -> str:
    body = {
        "model": "instant",
        "stream": True,
        "messages": [
            {"role": "system", "content": "You answer the telephone."},
            {"role": "user", "content": question},
        ],
    }
    pieces: list[str] = []
    async with session.post(url, data=msgspec.json.encode(body)) as response:
        async for line in response.content:
            if line.startswith(b"data: {"):
                chunk = msgspec.json.decode(line[6:], type=_Chunk)
                pieces += (choice.delta.content or "" for choice in chunk.choices)
    return "".join(pieces)


async def _answer(
    socket: AriSocket, channel: str, session: aiohttp.ClientSession, url: str
) -> None:
    path = f"channels/{quote(channel, safe='')}"
    if url:
        words = await socket.send("GET", f"{path}/variable?variable=USER_INPUT")
        question = msgspec.json.decode(words, type=_Value).value
        answer = await _ask(session, url, question)
        values = {**dict.fromkeys(VARIABLES, ""), "AI_RESPONSE": answer, "AI_STATUS": "ok"}
        await socket.send("POST", f"{path}/variables", {"variables": values})
    else:
        await socket.send("POST", f"{path}/variable", {"variable": "AI_STATUS", "value": "ok"})
    await socket.send("POST", f"{path}/continue")


async def serve(pbx: Pbx, application: str, url: str) -> None:
    """Answer calls until Asterisk ends; `url` is the model's, or empty."""
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), headers={"Content-Type": "application/json"}
        ) as session,
        open_socket(pbx, application) as socket,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(be_quiet(socket, application))
        async for frame in socket.frames():
            if frame.type == "StasisStart" and frame.channel is not None:
                tasks.create_task(_answer(socket, frame.channel.id, session, url))


def main() -> None:
    """Serve until ended by a signal."""
    pbx = Pbx(
        os.environ["ASTERISK_ARI_URL"],
        os.environ["ASTERISK_ARI_USERNAME"],
        os.environ["ASTERISK_ARI_PASSWORD"],
    )
    model = os.environ.get("OPENAI_BASE_URL", "")
    url = f"{model}/chat/completions" if model else ""
    asyncio.run(serve(pbx, os.environ["ASTERISK_APP_NAME"], url))


if __name__ == "__main__":
    main()
