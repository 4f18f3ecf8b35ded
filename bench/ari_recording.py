"""Records what a real Asterisk tells an application of one call.

The call goes through all that is usual: rung, answered, variables set, a tone played and stopped,
digits, a bridge, hung up by the caller. Its events and the server's descriptions of itself are
taken at run time and kept in memory and in the benchmark's temporary folder, nowhere else.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import msgspec

from dialogari.sandbox.asterisk import Asterisk

if TYPE_CHECKING:
    from dialogari.sandbox.installation import Installation

NEAR, FAR = "near", "far"
"""Applications: the one whose events are recorded, and the caller's end of the call."""
DIALPLAN = f"""
[line]
exten => s,1,Stasis({FAR})

[near]
exten => s,1,Set(AI_STATUS=)
 same => n,Stasis({NEAR},UNIQUEID=${{UNIQUEID}},AI_PROMPT_NAME=reception)
"""
PLAYBACK, BRIDGE = "playback-000000", "bridge-000000"
DIGITS = "1234#"
LIMIT = 30.0


class Recording(msgspec.Struct):
    """One call as an application heard of it."""

    frames: list[bytes]
    """The events of the channel and its playback in the order they came, from StasisStart to
    StasisEnd. A bridge's own end may be told to the application or not: it is left out."""
    own: list[bytes]
    """What no two calls may share: the channel's id and name, ids of playback and bridge."""
    documents: dict[str, bytes]
    """What the server says of itself, by path below `/ari/`."""
    address: bytes
    """Host and port of the recorded server, which its documents name."""


class _Channel(msgspec.Struct):
    id: str
    name: str


class _Playback(msgspec.Struct):
    id: str


class _Event(msgspec.Struct):
    type: str
    application: str
    channel: _Channel | None = None
    playback: _Playback | None = None


class _Listing(msgspec.Struct):
    path: str


class _Listings(msgspec.Struct):
    apis: list[_Listing]


class _Ears:
    """Both applications' socket: keeps the events of the one that is recorded."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.channels: dict[str, _Channel] = {}
        self._heard: list[tuple[str, str]] = []
        self._changed = asyncio.Condition()

    async def listen(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        """Read until the socket is closed."""
        async for message in socket:
            frame = bytes(message.data)
            event = msgspec.json.decode(frame, type=_Event)
            async with self._changed:
                if event.application == NEAR and (event.channel or event.playback):
                    self.frames.append(frame)
                if event.type == "StasisStart" and event.channel is not None:
                    self.channels[event.application] = event.channel
                self._heard.append((event.application, event.type))
                self._changed.notify_all()

    async def until(self, application: str, kind: str, number: int = 1) -> None:
        """Wait for an event, or for so many of them."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._heard.count((application, kind)) >= number)


async def record(installation: Installation) -> Recording:
    """Start an Asterisk, record one call, and stop it again.

    Raises:
        SandboxError: there is no Asterisk.
        TimeoutError: the call came to no end.
    """
    async with (
        asyncio.timeout(LIMIT),
        Asterisk(installation, dialplan=DIALPLAN) as asterisk,
        aiohttp.ClientSession(
            f"{asterisk.url}/",
            headers={
                "Authorization": aiohttp.encode_basic_auth(asterisk.username, asterisk.password)
            },
            raise_for_status=True,
        ) as session,
        session.ws_connect("events", params={"app": f"{NEAR},{FAR}"}, decode_text=False) as socket,
        asyncio.TaskGroup() as tasks,
    ):
        ears = _Ears()
        listening = tasks.create_task(ears.listen(socket))
        await asterisk.run_cli(f"channel originate Local/s@{NEAR}/n extension s@line")
        await ears.until(NEAR, "StasisStart")
        await _converse(session, ears)
        listening.cancel()
        channel = ears.channels[NEAR]
        return Recording(
            frames=ears.frames,
            own=[word.encode() for word in (channel.id, channel.name[:-2], PLAYBACK, BRIDGE)],
            documents=await _documents(session),
            address=asterisk.url.split("/")[2].encode(),
        )


async def _converse(session: aiohttp.ClientSession, ears: _Ears) -> None:
    near = f"channels/{ears.channels[NEAR].id}"
    await _post(session, f"{near}/ring")
    await _post(session, f"{near}/answer")
    await ears.until(FAR, "StasisStart")
    far = f"channels/{ears.channels[FAR].id}"
    answer = "We close at eight, and on Saturday at two."
    await _post(session, f"{near}/variable", variable="AI_RESPONSE", value=answer)
    await _post(session, f"{near}/variable", variable="AI_STATUS", value="ok")
    await _post(session, f"{near}/play", media="tone:1004/200", playbackId=PLAYBACK)
    await ears.until(NEAR, "PlaybackStarted")
    await session.delete(f"playbacks/{PLAYBACK}")
    await ears.until(NEAR, "PlaybackFinished")
    await _post(session, f"{far}/dtmf", dtmf=DIGITS)
    await ears.until(NEAR, "ChannelDtmfReceived", len(DIGITS))
    await _post(session, f"bridges/{BRIDGE}", type="mixing")
    await _post(session, f"bridges/{BRIDGE}/addChannel", channel=ears.channels[NEAR].id)
    await ears.until(NEAR, "ChannelEnteredBridge")
    await _post(session, f"bridges/{BRIDGE}/removeChannel", channel=ears.channels[NEAR].id)
    await ears.until(NEAR, "ChannelLeftBridge")
    await session.delete(f"bridges/{BRIDGE}")
    await session.delete(far)
    await ears.until(NEAR, "StasisEnd")


async def _post(session: aiohttp.ClientSession, path: str, **body: str) -> None:
    await session.post(path, json=body or None)


async def _documents(session: aiohttp.ClientSession) -> dict[str, bytes]:
    listing = await _get(session, "api-docs/resources.json")
    documents = {"api-docs/resources.json": listing}
    for api in msgspec.json.decode(listing, type=_Listings).apis:
        path = api.path.replace("{format}", "json").lstrip("/")
        documents[path] = await _get(session, path)
    for path in ("asterisk/info", "asterisk/modules/func_strings.so"):
        documents[path] = await _get(session, path)
    return documents


async def _get(session: aiohttp.ClientSession, path: str) -> bytes:
    async with session.get(path) as response:
        return await response.read()
