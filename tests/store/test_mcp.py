"""MCP servers as rows: what a turn finds of them, and what people see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dialogari.agent.mcp.rules import check_server
from dialogari.store.errors import UnknownServerError
from dialogari.store.keyring import Keyring
from dialogari.store.store import open_store
from dialogari.tool import MASK, InvalidToolError, McpChoice, McpServer, Tool
from store.behind import Behind

SECRET = "hush-hush-4711"
SHOP = McpServer("shop", "/opt/shop", ("--read-only",), {"KEY": SECRET}, timeout=3.0)
CRM = McpServer("crm", url="https://crm.example/mcp", headers={"Authorization": SECRET})


async def test_rows(url: str, behind: Behind, tmp_path: Path) -> None:
    """Found by turns with their secrets, shown to people without, and locked in the database."""
    keyring = Keyring(file=tmp_path / "key")
    async with open_store(url, keyring=keyring, check_server=check_server) as store:
        shown = await store.servers.put(SHOP)
        await store.servers.put(CRM)
        await store.servers.put(replace(CRM, headers={"Authorization": MASK}, timeout=9.0))
        with pytest.raises(InvalidToolError, match="write its value again"):
            await store.servers.put(
                replace(CRM, url="https://thief.example", headers={"Authorization": MASK})
            )
        found = await store.catalogue.find_tools(["crm/*", "shop/hours", "nobody/*", "shop/", "x"])
        locked = str(behind.query("SELECT env, headers FROM mcp_servers"))
        count = await store.servers.lock_again()
        listed = await store.servers.list_all()
        await store.servers.delete("crm")
        with pytest.raises(UnknownServerError, match="'crm'"):
            await store.servers.delete("crm")
        left = await store.catalogue.find_tools(["crm/*"])

    assert (shown.env, shown.version) == ({"KEY": MASK}, 1)
    assert [tool.name for tool in found] == ["crm/*", "shop/hours"]
    crm, shop = found
    assert isinstance(crm, McpChoice)
    assert isinstance(shop, McpChoice)
    assert not isinstance(shop, Tool)
    assert (crm.server.headers, crm.server.timeout) == ({"Authorization": SECRET}, 9.0)
    assert crm.server.version == 2
    assert replace(shop.server, updated=None) == SHOP
    assert SECRET not in locked
    assert SECRET not in repr(found)
    assert count == 2
    assert [(server.name, server.env, server.headers) for server in listed] == [
        ("crm", {}, {"Authorization": MASK}),
        ("shop", {"KEY": MASK}, {}),
    ]
    assert left == []


@pytest.mark.parametrize(
    "server",
    [
        replace(SHOP, name="9"),
        replace(SHOP, name="a/b"),
        replace(SHOP, name="x" * 33),
        replace(SHOP, command=""),
        replace(SHOP, url="https://crm.example/mcp"),
        replace(SHOP, headers={"A": "b"}),
        replace(SHOP, env={"A=B": "c"}),
        replace(SHOP, args=("a\0b",)),
        replace(SHOP, timeout=0.0),
        replace(SHOP, timeout=61.0),
        replace(CRM, args=("a",)),
        replace(CRM, url="ftp://crm.example"),
        replace(CRM, url="https://user:word@crm.example"),
        replace(CRM, url="https://"),
        replace(CRM, headers={"Host": "x"}),
        replace(CRM, headers={"A": "b\r\nC: d"}),
    ],
)
def test_what_can_be_no_server_is_refused(server: McpServer) -> None:
    """Neither or both of program and address, bad names, and what belongs to the other."""
    check_server(SHOP)
    check_server(CRM)
    with pytest.raises(InvalidToolError):
        check_server(server)
