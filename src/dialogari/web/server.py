"""The HTTP server beside the calls, in the same loop."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from fastapi import FastAPI

GRACE = 3
"""Seconds open requests are given at the stop; a stream would hold the process for ever."""


class WebServer(uvicorn.Server):
    """A running server."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals to the bridge, which has calls to finish first."""
        yield

    async def wait_until_idle(self) -> None:
        """Wait, without a limit of its own, until every request has its answer."""
        while self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks)


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises OSError where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


@asynccontextmanager
async def serve_web(
    web: FastAPI, listening: socket.socket, tasks: asyncio.TaskGroup
) -> AsyncGenerator[WebServer]:
    """Serve on an already listening socket while the context is open."""
    config = uvicorn.Config(
        web,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=GRACE,
    )
    server = WebServer(config)
    task = tasks.create_task(server.serve(sockets=[listening]))
    try:
        yield server
    finally:
        server.should_exit = True
        await task
