"""The proof that events come through."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from ari_serving import read_socket, server_of, until
from cable import Cable
from dialogari.ari.echo import Echo
from dialogari.ari.testing import FakeAsterisk, Fault
from dialogari.ari.transport.http import HttpTransport


async def test_connection_that_breaks(fake: FakeAsterisk, app: str) -> None:
    """That the connection breaks which the proof is sent over says nothing about the events."""
    fake.inject(Fault(path="events/user/*", delay=0.2, times=1))
    server, events = server_of(fake), list[Any]()
    async with Cable(urlsplit(server.url).port or 0) as cable:
        over_cable = replace(server, url=f"http://127.0.0.1:{cable.port}/ari")
        async with (
            HttpTransport(over_cable) as http,
            read_socket(server, app, events),
            asyncio.TaskGroup() as tasks,
        ):
            echo = Echo(app, http)
            tasks.create_task(echo.prove())
            await asyncio.sleep(0.1)
            cable.cut()
            await until(lambda: events)
            assert echo.hear(events.pop())
