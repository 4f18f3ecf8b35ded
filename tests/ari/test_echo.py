"""The proof that events come through."""

from __future__ import annotations

import asyncio
from typing import Any

from ari_serving import read_socket, server_of, until
from dialogari.ari.echo import Echo
from dialogari.ari.testing import FakeAsterisk


async def test_connection_that_died_while_idle(fake: FakeAsterisk, app: str) -> None:
    """That Asterisk closed the connection the last proof went over is no failure of the next."""
    async with Echo(server_of(fake), app) as echo:
        await prove(echo, fake, app)
        async with fake.down():
            pass

        await prove(echo, fake, app)


async def prove(echo: Echo, fake: FakeAsterisk, app: str) -> None:
    """Prove an application's socket, opened anew."""
    events: list[Any] = []
    async with read_socket(server_of(fake), app, events), asyncio.TaskGroup() as tasks:
        tasks.create_task(echo.prove())
        await until(lambda: events)
        assert echo.hear(events.pop())
