"""Run by test_durability: append turns of several calls, and print each once it is stored."""

from __future__ import annotations

import asyncio
import os
import sys

from dialogari.store.store import Store, open_store
from dialogari.turn import ConversationKey
from store.turn_records import turn


async def talk(store: Store, call: str) -> None:
    """Append to one conversation without end."""
    key = ConversationKey("pbx", call)
    number = (await store.history.load(key)).turns
    while True:
        number += 1
        await store.history.append(turn(number, key, answer=f"{call} {number} " + "x" * 500))
        # Straight to the pipe: what a killed process had buffered would be lost.
        os.write(sys.stdout.fileno(), f"{call} {number}\n".encode())


async def main() -> None:
    """Talk in eight calls at once."""
    async with open_store(sys.argv[1], exclusive=True) as store, asyncio.TaskGroup() as calls:
        for call in range(8):
            calls.create_task(talk(store, str(call)))


asyncio.run(main())
