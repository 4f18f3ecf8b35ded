"""Tools on a real call: a web service, and MCP servers that are there or away."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from ari_serving import until
from dialogari.sandbox.asterisk import Asterisk
from dialogari.tool import McpServer, Tool
from model_line import HOURS, TOOL_KEY, Line, assert_in_time, assert_nothing_leaked, open_line
from model_stub import Act, Ask, Asked

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROGRAM = str(Path(__file__).parents[1] / "mcp_program.py")
SERVERS = ["program", "address"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def line(
    asterisk: Asterisk, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Line]:
    """A bridge for all calls."""
    async with open_line(asterisk, tmp_path_factory.mktemp("tools")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def as_new(line: Line) -> None:
    """Let no test hear of the one before."""
    line.renew()


@asynccontextmanager
async def shop(kind: str, name: str) -> AsyncGenerator[McpServer]:
    """Run the server's program where its transport is HTTP; the bridge runs it over stdio."""
    if kind == "program":
        yield McpServer(name, sys.executable, (PROGRAM,), {"SHOP_KEY": TOOL_KEY})
        return
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, PROGRAM, "http"),
        env={**os.environ, "SHOP_KEY": TOOL_KEY},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            port = int(await process.stdout.readline())
        headers = {"Authorization": f"Bearer {TOOL_KEY}"}
        yield McpServer(name, url=f"http://127.0.0.1:{port}/mcp", headers=headers)
    finally:
        process.kill()
        await process.wait()


def away(kind: str, name: str) -> McpServer:
    """Return a server that is not there."""
    if kind == "program":
        return McpServer(name, sys.executable, ("-c", "raise SystemExit(3)"))
    return McpServer(name, url="http://127.0.0.1:9/mcp")


def use_if_offered(tool: str) -> Act:
    """Return a model that uses a tool where it is offered it."""

    def act(asked: Asked) -> str | list[Ask | str]:
        if asked.outcomes:
            return f"I see: {asked.outcomes[-1]}."
        names = [offered["function"]["name"] for offered in asked.tools]
        return [Ask(tool, '{"day": "Monday"}')] if tool in names else "I can not look it up."

    return act


async def test_a_web_service(line: Line, log: io.StringIO) -> None:
    """Its word is spoken; the argument stands in the address, and the key goes nowhere else."""
    line.web.answer = {"open": "nine", "note": "not for callers"}
    line.model.act = use_if_offered("hours")

    back = await line.phone.call("when are you open on Monday?", PROMPT="desk")

    assert (back["AI_STATUS"], back["AI_RESPONSE"], back.branch) == ("ok", "I see: nine.", "say")
    assert_in_time(back.variables)
    (received,) = line.web.received
    assert (received.method, received.path) == ("GET", "/hours/Monday")
    assert received.headers["X-Key"] == TOOL_KEY
    row = await line.stored()
    assert [(c["name"], c["status"], c["result"]) for c in row["tool_calls"]] == [
        ("hours", "ok", "nine")
    ]
    assert TOOL_KEY not in repr((row, line.model.asked))
    assert_nothing_leaked(back.variables, log)


@pytest.mark.parametrize("kind", SERVERS)
async def test_an_mcp_server(line: Line, log: io.StringIO, kind: str) -> None:
    """By both transports its tool is offered and used, and its word is spoken."""
    async with shop(kind, kind) as server:
        await line.set_tools(servers=(server,))
        await line.set_prompt(kind, f"{kind}/hours", f"{kind}/secret")
        line.model.act = use_if_offered(f"{kind}_hours")

        back = await line.phone.call("when are you open on Monday?", PROMPT=kind)

    assert (back["AI_STATUS"], back["AI_RESPONSE"]) == ("ok", "I see: Monday: nine.")
    assert_in_time(back.variables)
    names = {tool["function"]["name"] for tool in line.model.asked[0].tools}
    assert names == {f"{kind}_hours", f"{kind}_secret"}
    (call,) = (await line.stored())["tool_calls"]
    assert (call["name"], call["status"], call["result"]) == (f"{kind}_hours", "ok", "Monday: nine")
    assert_nothing_leaked(back.variables, log)


@pytest.mark.parametrize("kind", SERVERS)
async def test_an_mcp_server_that_is_away(line: Line, log: io.StringIO, kind: str) -> None:
    """The same call is `ok` without its tools; those of others are there."""
    name = f"away_{kind}"
    await line.set_tools(servers=(away(kind, name),))
    await line.set_prompt(name, f"{name}/hours", "hours")
    line.model.act = use_if_offered(f"{name}_hours")

    back = await line.phone.call("when are you open on Monday?", PROMPT=name)

    assert (back["AI_STATUS"], back["AI_RESPONSE"]) == ("ok", "I can not look it up.")
    assert_in_time(back.variables)
    assert [tool["function"]["name"] for tool in line.model.asked[0].tools] == ["hours"]
    assert '"mcp_tools_missing"' in log.getvalue()
    assert_nothing_leaked(back.variables, log)


async def test_a_tool_that_takes_too_long(line: Line, log: io.StringIO) -> None:
    """It has its own time, not the turn's; the model is told, and answers all the same."""
    await line.set_tools(slow(line, 0.4))
    await line.set_prompt("patient", "slow")
    line.model.act = use_if_offered("slow")

    back = await line.phone.call("when are you open on Monday?", PROMPT="patient")

    assert back["AI_STATUS"] == "ok"
    assert "0.4 seconds" in (back["AI_RESPONSE"] or "")
    assert_in_time(back.variables)
    await until(lambda: line.web.at_once == 0)
    (call,) = (await line.stored())["tool_calls"]
    assert (call["name"], call["status"], call["reason"]) == ("slow", "failed", "timeout")
    assert_nothing_leaked(back.variables, log)


async def test_the_caller_hangs_up_while_a_tool_works(line: Line) -> None:
    """The tool's connection is closed and the model is not asked again; others go on."""
    await line.set_tools(slow(line, 20.0))
    await line.set_prompt("patient", "slow")
    line.model.act = use_if_offered("slow")
    tag = await line.phone.dial("when are you open on Monday?", PROMPT="patient")
    await until(lambda: line.web.at_once == 1)

    await line.phone.hang_up(tag)

    await until(lambda: line.web.at_once == 0, limit=2)
    await line.closed()
    assert len(line.model.asked) == 1
    line.model.act = None
    assert (await line.phone.call("hello"))["AI_STATUS"] == "ok"


def slow(line: Line, seconds: float) -> Tool:
    """Return a tool that may take so long, on a service that takes 30 s."""
    return Tool("slow", "When.", HOURS, f"{line.web.url}/slow/30", timeout=seconds)
