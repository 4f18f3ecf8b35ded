"""An MCP server by the official library, over stdio or HTTP: `mcp_program.py [http]`.

Over HTTP it prints its port. What it does wrong, it does when a tool is asked to.
"""

from __future__ import annotations

import asyncio
import os
import sys

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.transport_security import TransportSecuritySettings

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
    raise ValueError("no such order")


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
    if hasattr(context, "session"):
        await context.session.send_tool_list_changed()
    return "changed"


def price() -> str:
    """What it costs."""
    return "one"


def app() -> object:
    """Return the server as a web application."""
    open_to_all = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    return server.streamable_http_app(transport_security=open_to_all)


if __name__ == "__main__":
    if sys.argv[1:] == ["http"]:
        uvicorn.run(app(), port=int(os.environ["PORT"]), log_level="critical")
    else:
        server.run()
