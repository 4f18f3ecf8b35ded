"""MCP servers in child processes and over HTTP on loopback: used, lost, found again."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

import pytest

from dialogari.agent.calls import try_out
from dialogari.agent.mcp import connection as connection_module
from dialogari.agent.mcp.servers import FIRST_WAIT, McpServers
from dialogari.agent.mcp.stdio import LARGEST_LINE, Lines
from dialogari.agent.outbound import Outbound
from dialogari.agent.tools import AgentTool
from dialogari.tool import McpChoice, McpServer, ToolCall

T = TypeVar("T")
TESTS = Path(__file__).parents[2]
SECRET = "hush-hush-4711"
OURS = ip_network("127.0.0.1/32")


@pytest.fixture
async def servers() -> AsyncGenerator[McpServers]:
    """What a bridge has."""
    outbound = Outbound([OURS])
    async with McpServers(outbound) as running:
        yield running
    await outbound.aclose()


@asynccontextmanager
async def web_server(port: int = 0) -> AsyncGenerator[tuple[int, asyncio.subprocess.Process]]:
    """Run the program over HTTP; yield its port."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(TESTS / "mcp_program.py"), "http"),
        env={**os.environ, "PORT": str(port), "SHOP_KEY": SECRET},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            chosen = int(await process.stdout.readline())
        yield chosen, process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def program(**changes: Any) -> McpServer:
    """Return the shop as a program."""
    shop = McpServer("shop", sys.executable, (str(TESTS / "mcp_program.py"),), {"SHOP_KEY": SECRET})
    return replace(shop, timeout=2.0, **changes)


@pytest.fixture(params=["program", "address"])
async def shop(request: pytest.FixtureRequest) -> AsyncGenerator[McpServer]:
    """The same server, by both ways."""
    if request.param == "program":
        yield program()
        return
    async with web_server() as (port, _):
        headers = {"Authorization": f"Bearer {SECRET}"}
        yield McpServer("shop", url=f"http://127.0.0.1:{port}/mcp", headers=headers, timeout=2.0)


def faulty(fault: str, folder: Path) -> McpServer:
    """Return a program that does one thing wrong."""
    args = (str(TESTS / "mcp_faulty.py"), fault, str(folder / "started"))
    return McpServer("faulty", sys.executable, args, timeout=1.0)


def starts(folder: Path) -> list[int]:
    """Return the process numbers of all that were started."""
    return [int(line) for line in (folder / "started").read_text().split()]


def alive(number: int) -> bool:
    """Return whether there is such a process."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


async def offered(servers: McpServers, server: McpServer) -> dict[str, AgentTool]:
    """Return the tools that a turn gets, by the names that a model sees."""
    tools = await servers.prepare([McpChoice(server, "*")])
    return {tool.definition.name: tool for tool in tools}


async def use(servers: McpServers, server: McpServer, name: str, **arguments: Any) -> ToolCall:
    """Call a tool as a turn does."""
    tools = await until(lambda: offered(servers, server), lambda found: name in found)
    return await try_out(tools[name], arguments)


async def until(look: Callable[[], Awaitable[T]], good: Callable[[T], bool]) -> T:
    """Look until it is good."""
    async with asyncio.timeout(20):
        while not good(found := await look()):
            await asyncio.sleep(0.05)
        return found


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("hours", {"day": "Monday"}, "Monday: nine"),
        ("stock", {}, '{\n  "pears": 7\n}'),
        ("secret", {}, "the key is [hidden]"),
    ],
)
async def test_a_tool_is_used(
    servers: McpServers, shop: McpServer, name: str, arguments: dict[str, Any], said: str
) -> None:
    """By both ways its words come back, and the server's own secrets not with them."""
    call = await use(servers, shop, f"shop_{name}", **arguments)

    assert (call.status, call.result) == ("ok", said)


async def test_what_a_prompt_names_is_offered(servers: McpServers, shop: McpServer) -> None:
    """`server/tool` is that tool alone, `server/*` all of them; another name, nothing."""
    await until(lambda: offered(servers, shop), bool)
    one = await servers.prepare([McpChoice(shop, "hours"), McpChoice(shop, "nobody")])

    (tool,) = one
    assert (tool.definition.name, tool.definition.description) == (
        "shop_hours",
        "When the shop is open.",
    )
    assert tool.definition.parameters_json_schema["required"] == ["day"]
    assert len(await offered(servers, shop)) == 8


@pytest.mark.parametrize(
    ("name", "arguments", "reason", "said"),
    [
        ("hours", {}, "tool_error", "Field required"),
        ("refuse", {}, "tool_error", "no such order"),
        ("slow", {"seconds": 30}, "timeout", "no answer within 2 seconds"),
        ("die", {}, "connection", "the server has gone away"),
    ],
)
async def test_a_call_that_fails_costs_itself(
    servers: McpServers,
    shop: McpServer,
    name: str,
    arguments: dict[str, Any],
    reason: str,
    said: str,
) -> None:
    """The model is told why in a few words, within the tool's time."""
    tools = await until(lambda: offered(servers, shop), bool)
    began = time.monotonic()
    call = await try_out(tools[f"shop_{name}"], arguments)

    assert (call.status, call.reason) == ("failed", reason)
    assert said in call.result
    assert time.monotonic() - began < 4


async def test_giant_results_are_cut_or_refused(servers: McpServers, shop: McpServer) -> None:
    """A long answer is cut, a giant one refused at once; the next call is as before."""
    long = await use(servers, shop, "shop_giant", size=20_000)
    giant = await use(servers, shop, "shop_giant", size=5_000_000)
    after = await use(servers, shop, "shop_hours", day="Monday")

    assert len(long.result) == 8_000
    assert (giant.status, giant.reason in {"too_large", "malformed"}) == ("failed", True)
    assert after.result == "Monday: nine"


async def test_a_tool_vanishes(servers: McpServers, shop: McpServer) -> None:
    """Told that its tools have changed, the next turn is offered the new list."""
    before = await until(lambda: offered(servers, shop), bool)
    await use(servers, shop, "shop_change")
    after = await until(lambda: offered(servers, shop), lambda tools: "shop_price" in tools)
    late = await try_out(before["shop_stock"], {})

    assert "shop_stock" in before
    assert "shop_stock" not in after
    assert (late.reason, late.result) == ("tool_error", "Unknown tool: stock")


async def test_a_program_that_dies_is_started_again(servers: McpServers) -> None:
    """The call in which it died fails; a moment later its tools are there again."""
    died = await use(servers, program(), "shop_die")
    again = await use(servers, program(), "shop_hours", day="Monday")

    assert (died.reason, again.result) == ("connection", "Monday: nine")


async def test_an_address_comes_back(servers: McpServers) -> None:
    """Away at the start, there later, gone, there again: a turn has its tools or none."""
    async with web_server() as (port, _):
        pass
    shop = McpServer("shop", url=f"http://127.0.0.1:{port}/mcp", timeout=2.0)
    assert await offered(servers, shop) == {}
    for _ in range(2):
        async with web_server(port):
            assert (await use(servers, shop, "shop_hours", day="now")).result == "now: nine"
        tools = await offered(servers, shop)
        assert not tools or (await try_out(tools["shop_stock"], {})).reason == "connection"
        await until(lambda: offered(servers, shop), lambda found: not found)


async def test_a_private_address_is_guarded() -> None:
    """Without TOOL_NETWORKS a server on this machine is not reached, and the reason is named."""
    outbound = Outbound()
    async with web_server() as (port, _), McpServers(outbound) as servers:
        shop = McpServer("shop", url=f"http://127.0.0.1:{port}/mcp")
        tools, cause = await servers.reach(shop)
    await outbound.aclose()

    assert (tools, cause) == ([], "address")


async def test_a_program_that_is_not_there(servers: McpServers) -> None:
    """Its tools are missing, quickly, and the cause has no text of the system in it."""
    began = time.monotonic()
    missing = McpServer("missing", "/nowhere/at-all")

    assert await offered(servers, missing) == {}
    assert await servers.reach(missing) == ([], "FileNotFoundError")
    assert time.monotonic() - began < FIRST_WAIT


async def test_a_program_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The turn waits for it a little, then goes without; ended with the bridge, though it hangs."""
    monkeypatch.setattr(connection_module, "START", 30.0)
    outbound = Outbound()
    async with McpServers(outbound) as servers:
        began = time.monotonic()
        assert await offered(servers, faulty("silent", tmp_path)) == {}
        assert time.monotonic() - began < FIRST_WAIT + 1
        (number,) = starts(tmp_path)
        assert alive(number)
        began = time.monotonic()

    assert time.monotonic() - began < 5
    assert not alive(number)


async def test_a_program_that_hangs_is_killed(
    servers: McpServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs in a call: the call times out, and when it answers nothing else, it is replaced."""
    monkeypatch.setattr(connection_module, "START", 2.0)
    server = faulty("hangs", tmp_path)
    call = await use(servers, server, "faulty_do")
    await until(lambda: asyncio.sleep(0, len(starts(tmp_path))), lambda count: count > 1)

    assert call.reason == "timeout"
    assert not alive(starts(tmp_path)[0])


async def test_garbage_is_passed_over(servers: McpServers, tmp_path: Path) -> None:
    """Lines that are no message, even giant ones, are nothing; what is one counts."""
    call = await use(servers, faulty("garbage", tmp_path), "faulty_do")

    assert (call.status, call.result) == ("ok", "done")
    assert len(starts(tmp_path)) == 1


async def test_a_giant_line_is_refused_at_once(servers: McpServers, tmp_path: Path) -> None:
    """Nobody waits for an answer that was too long, wherever its number stands in it."""
    call = await use(servers, faulty("giant", tmp_path), "faulty_do")

    assert call.reason == "too_large"
    assert call.seconds < 0.9


async def test_a_program_of_the_old_protocol(servers: McpServers, tmp_path: Path) -> None:
    """One that ends at the first word it does not know is asked again in the older way."""
    call = await use(servers, faulty("strict", tmp_path), "faulty_do")

    assert call.result == "done"
    assert len(starts(tmp_path)) == 2


async def test_an_edit_counts_from_the_next_turn(servers: McpServers) -> None:
    """A row that was changed is another server: the old program ends, the new one is asked."""
    first = await use(servers, program(), "shop_hours", day="now")
    second = await use(servers, program(env={"SHOP_KEY": "new"}, version=2), "shop_secret")

    assert first.result == "now: nine"
    assert second.result == "the key is new"


async def test_rows_are_watched(tmp_path: Path) -> None:
    """A bridge has servers at hand before a turn asks, and ends those that were deleted."""
    rows = [faulty("none", tmp_path)]
    outbound = Outbound()

    async def find() -> list[McpServer]:
        return list(rows)

    async with McpServers(outbound, look=0.2) as servers:
        servers.watch(find)
        started = tmp_path / "started"
        await until(lambda: asyncio.sleep(0, started.exists()), bool)
        rows.clear()
        await until(lambda: asyncio.sleep(0, alive(starts(tmp_path)[0])), lambda there: not there)


def test_lines_are_cut_where_they_end() -> None:
    """Whatever pieces they arrive in; of one that is too long only its edges are kept."""
    lines = Lines()
    found = [line for piece in (b"on", b"e\ntw", b"o\n\nthree") for line in lines.feed(piece)]
    assert found == [(b"one", True), (b"two", True), (b"", True)]

    (_, (edges, whole)) = [
        *lines.feed(b"\n" + b"a" * 300 + b"x" * (LARGEST_LINE - 100)),
        *lines.feed(b"y" * 70_000 + b"z" * 10 + b"\nnext"),
    ]
    assert not whole
    assert edges.startswith(b"a" * 256)
    assert edges.endswith(b"y" + b"z" * 10)
    assert len(edges) == 512
    assert list(lines.feed(b"\n")) == [(b"next", True)]
