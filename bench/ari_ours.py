"""`dialogari.ari` in `ari.py`: one coroutine a call, which reads its call's events in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ari_program import run

from dialogari.ari import Client, connect
from dialogari.ari.models import StasisEnd

if TYPE_CHECKING:
    from ari_program import Tally, Wanted

    from dialogari.ari import Call


async def hear(wanted: Wanted, tally: Tally) -> None:
    """Read the events of each call in its own coroutine."""

    async def handle(call: Call) -> None:
        tally.start()
        async with call.listen() as events:
            async for event in events:
                if type(event) is StasisEnd:
                    tally.end()
                else:
                    tally.hear()

    async with _connect(wanted) as client:
        await client.serve(handle, resumed=handle)


async def answer(wanted: Wanted) -> None:
    """Take calls."""

    async def handle(call: Call) -> None:
        await call.session.channels.answer(call.id)
        await call.set_variables({"AI_STATUS": "ok"})
        await call.continue_in_dialplan()

    async with _connect(wanted) as client:
        await client.serve(handle, resumed=handle)


def _connect(wanted: Wanted) -> Client:
    return connect(
        wanted.url, wanted.application, username=wanted.username, password=wanted.password
    )


if __name__ == "__main__":
    run(hear, answer)
