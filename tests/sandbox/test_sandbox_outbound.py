"""Sockets that the sandbox's Asterisk opens to a server of ours."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.server import ServerConnection, serve

from dialogari.sandbox.asterisk import Asterisk, Settings
from dialogari.sandbox.errors import UnsupportedError
from dialogari.sandbox.outbound import OutboundSocket

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.sandbox.fetch import Installation


@dataclass(slots=True)
class Server:
    """Takes every socket and keeps it."""

    port: int = 0
    paths: list[str] = field(default_factory=list[str])
    first_frames: list[str] = field(default_factory=list[str])
    closed: list[str] = field(default_factory=list[str])

    def socket(self, name: str, *applications: str) -> OutboundSocket:
        """Return a persistent socket to here, its name in the path."""
        url = f"ws://127.0.0.1:{self.port}/{name}"
        return OutboundSocket(name, url, "user", "secret", applications)

    async def keep(self, connection: ServerConnection) -> None:
        """Have a socket until it ends."""
        assert connection.request is not None
        path = connection.request.path
        self.paths.append(path)
        self.first_frames.append(str(await connection.recv()))
        await connection.wait_closed()
        self.closed.append(path)

    async def until(self, paths: list[str]) -> None:
        """Wait until these have come, in any order."""
        async with asyncio.timeout(5):
            while len(self.first_frames) < len(paths):
                await asyncio.sleep(0.01)
        assert sorted(self.paths) == sorted(paths)


@asynccontextmanager
async def serving() -> AsyncGenerator[Server]:
    """Listen for what Asterisk opens."""
    server = Server()
    async with serve(server.keep, "127.0.0.1", 0, close_timeout=1) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server


async def test_reload(asterisk_installation: Installation) -> None:
    """Sockets come and go while Asterisk runs; the others don't notice; a restart keeps them."""
    async with serving() as server:
        settings = Settings(outbound=(server.socket("first", "app-1"),))
        async with Asterisk(asterisk_installation, settings=settings) as asterisk:
            await server.until(["/first"])
            await asterisk.connect_out(server.socket("second", "app-2", "app-3"))
            await server.until(["/first", "/second"])
            assert '"app-1"' in server.first_frames[0]
            assert '"app-2"' in server.first_frames[1]

            await asterisk.disconnect_out("first")
            async with asyncio.timeout(5):
                while server.closed != ["/first"]:
                    await asyncio.sleep(0.01)

            await asterisk.restart()
            await server.until(["/first", "/second", "/second"])


async def test_old(old_installation: Installation) -> None:
    """An Asterisk that can't says so, before it is started and while it runs, and runs on."""
    outbound = OutboundSocket("old", "ws://127.0.0.1:9/", "user", "secret", ("app",))
    with pytest.raises(UnsupportedError, match=r"16\.28.* res_websocket_client"):
        async with Asterisk(old_installation, settings=Settings(outbound=(outbound,))):
            pytest.fail("it started")

    async with Asterisk(old_installation) as asterisk:
        with pytest.raises(UnsupportedError):
            await asterisk.connect_out(outbound)
        assert "16.28" in await asterisk.run_cli("core show version")
        await asterisk.restart()


def test_secret() -> None:
    """The password is not shown."""
    outbound = OutboundSocket("name", "ws://127.0.0.1:9/", "user", "secret", ("app",))

    assert "secret" not in repr(Settings(outbound=(replace(outbound, per_call=True),)))
