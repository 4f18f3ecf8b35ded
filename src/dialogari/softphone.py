"""Calling the demo by SIP: how to register a softphone, what to dial, and what its caller hears.

The demo has no speech recogniser and no voice yet, and does not act as if it had: the number that
is dialled is the question, the answer appears on the screen, and the caller hears a beep, then
AI_STATUS spelled. Here is the caller's side of it; the turn between is the demo's own dialplan.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from dialogari.sandbox.asterisk import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from dialogari.ari import Call, Client

    Show = Callable[[Call], Awaitable[object]]

USER = "softphone"
EARS = "demo-softphone"
"""The application that hears them."""
MOST_QUESTIONS = 9
START_LIMIT = 30.0


class Softphones:
    """Answers the calls of softphones, one question a call.

    `questions`: what is asked by dialling 1, 2 and so on; those after the ninth have no number.
    `turn`: the dialplan's context that takes one turn, with the words in USER_INPUT, and returns.
    """

    def __init__(self, questions: Sequence[str], turn: str) -> None:
        self._questions = dict(enumerate(questions[:MOST_QUESTIONS], 1))
        self._turn = turn
        self._password = secrets.token_hex(6)

    @property
    def sandbox(self) -> Settings:
        """What the sandbox needs to let them register."""
        return Settings(softphone=(USER, self._password))

    @property
    def dialplan(self) -> str:
        """The context that their calls enter."""
        return f"""
[from-sip]
exten => _[1-{len(self._questions)}],1,Answer()
 same => n,Playback(beep)
 same => n,Stasis({EARS},question,${{EXTEN}})      ; the number is the question
 same => n,GotoIf($["${{STASISSTATUS}}" = "FAILED"]?bye)
 same => n,Gosub({self._turn},s,1)
 same => n,Stasis({EARS},answer)                   ; onto the screen
 same => n,SayAlpha(${{HEARD_AI_STATUS}})
 same => n(bye),Hangup()
"""

    def describe(self, port: int) -> str:
        """Return what a person must know to call, for the screen."""
        return "\n".join(
            [
                "Softphone, on this machine alone (Asterisk listens on 127.0.0.1):",
                f"  user      {USER}",
                f"  password  {self._password}",
                f"  server    127.0.0.1, port {port}, UDP",
                "  codec     G.711 µ-law (PCMU)",
                *(f"  dial {number}    {text}" for number, text in self._questions.items()),
                "There is no speech recogniser and no voice yet: the number is the question, you",
                "hear a beep, then AI_STATUS spelled (o, k), and the answer appears here.",
                "",
            ]
        )

    @asynccontextmanager
    async def taking_calls(self, client: Client, show: Show) -> AsyncGenerator[None]:
        """Take the calls of `EARS` while the context lasts; `show` prints what was heard."""

        async def talk(call: Call) -> None:
            match call.arguments:
                case ("question", number):
                    await call.set_variables({"USER_INPUT": self._questions[int(number)]})
                case _:
                    await show(call)
            await call.continue_in_dialplan()

        async with client, asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(client.serve(talk, resumed=talk))
            async with asyncio.timeout(START_LIMIT):
                await client.wait_until_ready()
            try:
                yield
            finally:
                serving.cancel()
