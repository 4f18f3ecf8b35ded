"""A telephone for tests: places real calls through a real dialplan and tells what came back.

The dialplan hands the call to the bridge under test, then to an application of the test's own,
which reads the channel's variables as Asterisk holds them and as the dialplan reads them.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from ari_serving import connect_to
from dialogari.ari import Call, Client, Server
from dialogari.dialplan.variables import response_variables
from dialogari.turn import Status, TurnResponse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AsyncExitStack
    from types import TracebackType

    from dialogari.sandbox.asterisk import Asterisk

VARIABLES = tuple(response_variables(TurnResponse(Status.OK), 0.0))

DIALPLAN = """
[line]
exten => s,1,Wait(600)

[ask]
; the recommended form: the words are in the channel variable USER_INPUT
exten => variable,1,Set(AI_STATUS=)
 same => n,Stasis(${APP},UNIQUEID=${TAG},AI_PROMPT_NAME=${PROMPT},${MORE})
 same => n,Goto(back,s,1)
; the words as the last argument
exten => argument,1,Set(AI_STATUS=)
 same => n,Stasis(${APP},UNIQUEID=${TAG},USER_INPUT=${USER_INPUT})
 same => n,Goto(back,s,1)
; the oldest form: the words before the conversation
exten => first,1,Set(AI_STATUS=)
 same => n,Stasis(${APP},USER_INPUT=${USER_INPUT},UNIQUEID=${TAG})
 same => n,Goto(back,s,1)
exten => bare,1,Stasis(${APP})
 same => n,Goto(back,s,1)
exten => bare_named,1,Stasis(${APP},UNIQUEID=${NAME})
 same => n,Goto(back,s,1)
exten => base64,1,Stasis(${APP},UNIQUEID=${TAG},USER_INPUT_B64=${BASE64_ENCODE(${USER_INPUT})})
 same => n,Goto(back,s,1)
exten => uri,1,Stasis(${APP},UNIQUEID=${TAG},USER_INPUT_URI=${URIENCODE(${USER_INPUT})})
 same => n,Goto(back,s,1)
; a speech recogniser that writes Latin-1
exten => latin1,1,Set(USER_INPUT=${URIDECODE(ma%F1ana)})
 same => n,Stasis(${APP},UNIQUEID=${TAG})
 same => n,Goto(back,s,1)
; a call that is answered, so that something can be played to it
exten => up,1,Answer()
 same => n,Stasis(${APP},UNIQUEID=${TAG},${MORE})
 same => n,Goto(back,s,1)
; the whole safety net of the contract
exten => net,1,Set(AI_STATUS=)
 same => n,Set(TIMEOUT(absolute)=${LIMIT})
 same => n,Stasis(${APP},UNIQUEID=${TAG})
 same => n,Set(TIMEOUT(absolute)=0)
 same => n,Goto(back,s,1)
exten => T,1,Set(NET=caught)
 same => n,Goto(back,s,1)

[pieces]
; what comes next is said by the test, each time the call is at the probe
exten => up,1,Answer()
 same => n,Goto(s,1)
exten => s,1,Set(AI_STATUS=)
 same => n,Stasis(${APP},UNIQUEID=${CONVERSATION},AI_STREAM=1,${MORE})
 same => n,Goto(at)
exten => s,20(at),Stasis(${PROBE},${TAG})
 same => n,Set(AI_STATUS=)
 same => n,Goto(${NEXT},1)
exten => continue,1,Stasis(${APP},UNIQUEID=${CONVERSATION},AI_CONTINUE=1)
 same => n,Goto(s,at)
; a dialplan that still has the old words everywhere
exten => with_words,1,Stasis(${APP},USER_INPUT=${USER_INPUT},AI_CONTINUE=1,UNIQUEID=${CONVERSATION})
 same => n,Goto(s,at)
exten => ask,1,Stasis(${APP},UNIQUEID=${CONVERSATION},AI_STREAM=1)
 same => n,Goto(s,at)
exten => ask_whole,1,Stasis(${APP},UNIQUEID=${CONVERSATION})
 same => n,Goto(s,at)
exten => speak,1,Wait(60)

[from-sip]
; a SIP caller dials the application; its words, and whom to tell, are headers
exten => _[a-z].,1,Answer()
 same => n,Set(USER_INPUT=${PJSIP_HEADER(read,X-User-Input)})
 same => n,Set(TAG=${PJSIP_HEADER(read,X-Tag)})
 same => n,Set(PROBE=${PJSIP_HEADER(read,X-Probe)})
 same => n,Set(AI_STATUS=)
 same => n,Stasis(${EXTEN},UNIQUEID=${TAG})
 same => n,Goto(back,s,1)

[back]
exten => s,1,Set(BACK=${STASISSTATUS})
 same => n,Set(READ=${AI_RESPONSE})
 same => n,Set(BRANCH=${IF($["${AI_STATUS}" = "ok"]?say:human)})
 same => n,Stasis(${PROBE},${TAG})
 same => n,Hangup()
"""


@dataclass(frozen=True, slots=True)
class Back:
    """What a call brought back to the dialplan."""

    stasis_status: str
    read: str
    """AI_RESPONSE as the dialplan reads it, which ends at 4,095 bytes."""
    branch: str
    """`say` or `human`: which way the contract's GotoIf sends the call."""
    net: str
    variables: Mapping[str, str | None]
    """Every variable of the contract, whole; None: never set."""
    seconds: float

    def __getitem__(self, name: str) -> str | None:
        return self.variables[name]


@dataclass(slots=True)
class Phone:
    """`async with` connects it; `call` places a call and waits until it is back."""

    asterisk: Asterisk
    application: str
    """The bridge's."""
    probe: str = field(default_factory=lambda: f"probe-{secrets.token_hex(4)}")
    _client: Client | None = None
    _stack: AsyncExitStack | None = None
    _waiting: dict[str, asyncio.Future[tuple[Call, dict[str, str | None]]]] = field(
        default_factory=dict[str, "asyncio.Future[tuple[Call, dict[str, str | None]]]"]
    )
    _tasks: asyncio.TaskGroup | None = None
    _serving: asyncio.Task[None] | None = None

    @property
    def server(self) -> Server:
        """Where the PBX is."""
        return Server(self.asterisk.url, self.asterisk.username, self.asterisk.password)

    async def __aenter__(self) -> Self:
        self._client = await connect_to(self.asterisk, self.probe).__aenter__()
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self._serving = self._tasks.create_task(
            self._client.serve(self._arrived, resumed=self._arrived)
        )
        async with asyncio.timeout(10):
            await self._client.wait_until_ready()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._serving is not None
        assert self._tasks is not None
        assert self._client is not None
        self._serving.cancel()
        await self._tasks.__aexit__(None, None, None)
        await self._client.__aexit__(exc_type, exc, traceback)

    async def dial(self, words: str | None, extension: str = "variable", **variables: str) -> str:
        """Place a call and return its tag at once."""
        assert self._client is not None
        tag = f"t-{secrets.token_hex(6)}"
        settings = {"APP": self.application, "PROBE": self.probe, "TAG": tag, **variables}
        if words is not None:
            settings["USER_INPUT"] = words
        self.expect(tag)
        await self._client.session.channels.originate_with_id(
            tag,
            f"Local/{extension}@ask/n",
            context="line",
            extension="s",
            priority=1,
            variables={f"__{name}": value for name, value in settings.items()},
        )
        return tag

    def expect(self, tag: str) -> None:
        """Be ready for a call of this tag that somebody else places."""
        self._waiting[tag] = asyncio.get_running_loop().create_future()

    async def wait(self, tag: str, limit: float = 20.0) -> Back:
        """Wait until the dialplan has the call back, at most `limit` seconds."""
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(limit):
            _, found = await self._waiting[tag]
        return Back(
            stasis_status=found.pop("BACK") or "",
            read=found.pop("READ") or "",
            branch=found.pop("BRANCH") or "",
            net=found.pop("NET") or "",
            variables=found,
            seconds=asyncio.get_running_loop().time() - began,
        )

    async def call(
        self, words: str | None, extension: str = "variable", limit: float = 20.0, **variables: str
    ) -> Back:
        """Place a call, wait until it is back, and hang it up."""
        tag = await self.dial(words, extension, **variables)
        try:
            return await self.wait(tag, limit)
        finally:
            await self.hang_up(tag)

    async def hang_up(self, tag: str) -> None:
        """Put the receiver down, wherever the call is."""
        assert self._client is not None
        try:
            await self._client.session.channels.hangup(tag)
        except Exception as error:  # noqa: BLE001 - it may be gone already
            assert "not found" in str(error)  # noqa: PT017

    def came_back(self, tag: str) -> bool:
        """Whether the dialplan has the call back."""
        return self._waiting[tag].done()

    async def _arrived(self, call: Call) -> None:
        names = ("BACK", "READ", "BRANCH", "NET", *VARIABLES)
        found = {name: await call.get_variable(name) for name in names}
        self._waiting[call.arguments[0]].set_result((call, found))
        await call.continue_in_dialplan()
