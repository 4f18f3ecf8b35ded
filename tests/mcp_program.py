"""An MCP server by the official library, over stdio or HTTP: `mcp_program.py [http]`.

Over HTTP it prints its port. What it does wrong, it does when a tool is asked to.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette

server = MCPServer("shop")


@server.tool()
def hours(day: str) -> str:
    """When the shop is open."""
    return f"{day}: nine"


@server.tool()
def stock() -> dict[str, int]:
    """What is there."""
    return {"pears": 7}


@server.tool()
def secret() -> str:
    """Say a secret."""
    return f"the key is {os.environ.get('SHOP_KEY', 'unknown')}"


@server.tool()
def refuse() -> str:
    """Fail."""
    raise ToolError("no such order")


@server.tool()
def giant(size: int) -> str:
    """Say too much."""
    return "x" * size


@server.tool()
async def slow(seconds: float) -> str:
    """Take long."""
    await asyncio.sleep(seconds)
    return "at last"


@server.tool()
def die() -> str:
    """End the program."""
    os._exit(3)


@server.tool()
async def change(context: Context) -> str:
    """Take `stock` away and offer `price`."""
    server.remove_tool("stock")
    server.add_tool(price)
    await context.notify_tools_changed()
    return "changed"


def price() -> str:
    """What it costs."""
    return "one"


def app() -> Starlette:
    """Return the server as a web application."""
    open_to_all = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    return server.streamable_http_app(transport_security=open_to_all)


if __name__ == "__main__":
    if sys.argv[1:] == ["http"]:
        serving = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "0"))))
        sys.stdout.write(f"{serving.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(app(), log_level="critical")
        uvicorn.Server(config).run(sockets=[serving])
    else:
        server.run()
