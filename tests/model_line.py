"""A bridge on a real Asterisk that many calls share: its models, a web service, and telephones.

A model may be asked under any name (`AI_MODEL=openai:NAME`), so that what it did under another one
is not held against it.
"""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from ari_serving import until
from dialogari.app.mcp import open_servers
from dialogari.app.prompts import open_prompts
from dialogari.app.tools import open_tools
from dialogari.config import Settings
from dialogari.config_models import ModelServer
from dialogari.sandbox.asterisk import Asterisk
from dialogari.tool import McpServer, Tool
from dialogari.turn import Prompt
from model_stub import POISON, SECRET, ModelStub
from pbx_fixtures import make_settings, running_bridge
from phone import Phone
from piecewise import Exchange, callers_of
from web_stub import WebStub

HOLD_THE_LINE = "Please hold the line."
TOOL_KEY = "key-of-the-shop-4711"
DEADLINE = 5.0
HOURS: dict[str, Any] = {
    "type": "object",
    "properties": {"day": {"type": "string", "enum": ["Monday", "Sunday"]}},
    "required": ["day"],
}


@dataclass(frozen=True, slots=True)
class Line:
    """What `open_line` opens."""

    settings: Settings
    phone: Phone
    callers: Exchange
    model: ModelStub
    backup: ModelStub
    web: WebStub

    def renew(self) -> None:
        """Forget what was; a model that breaks a stream holds on to it until it is closed."""
        for model in (self.model, self.backup):
            model.renew()
            model.linger = 60.0
        self.web.received.clear()

    def fail_by(self, fault: str) -> str:
        """Have the model fail so, `refused` by being away; return a name that is this fault's."""
        self.model.fault = fault
        return "away:gone" if fault == "refused" else f"openai:{fault}"

    async def closed(self) -> None:
        """Wait until no model has a request of ours left."""
        await until(lambda: not (self.model.running or self.backup.running))

    async def stored(self, ready: Callable[[dict[str, Any]], object] = bool) -> dict[str, Any]:
        """Return the newest turn as the database has it, once it is `ready`."""
        await until(lambda: ready(self._newest()))
        return self._newest()

    async def asked(self) -> list[tuple[str, str]]:
        """Return whom the newest turn asked and why each failed, once that is stored."""
        row = await self.stored(lambda row: row["asked"])
        return [(one["model"], one["reason"]) for one in row["asked"]]

    async def set_tools(self, *tools: Tool, servers: tuple[McpServer, ...] = ()) -> None:
        """Store tools and MCP servers beside the running bridge."""
        async with open_tools(self.settings) as rows:
            for tool in tools:
                await rows.put(tool)
        async with open_servers(self.settings) as rows:
            for server in servers:
                await rows.put(server)

    async def set_prompt(self, name: str, *tools: str) -> None:
        """Store a prompt with tools beside the running bridge."""
        async with open_prompts(self.settings) as prompts:
            await prompts.set_prompt(Prompt(name, "You are the desk.", tools=tools))

    def _newest(self) -> dict[str, Any]:
        (file,) = self.settings.dialogari_state_dir.rglob("*.db")
        with closing(sqlite3.connect(file)) as database:
            database.row_factory = sqlite3.Row
            row = database.execute("SELECT * FROM turns ORDER BY id DESC LIMIT 1").fetchone()
        found = dict(row) if row else {"asked": None, "tool_calls": None}
        for name in ("asked", "tool_calls"):
            found[name] = json.loads(found[name] or "[]")
        return found


@asynccontextmanager
async def open_line(asterisk: Asterisk, folder: Path, **changes: Any) -> AsyncGenerator[Line]:
    """Run the bridge; the prompt `desk` has the tool `hours`, the model `away` has no server."""
    async with ModelStub() as model, ModelStub() as backup, WebStub() as web:
        models = {
            "away": ModelServer(url="http://127.0.0.1:9/v1", model="gone"),
            "backup": ModelServer(url=backup.url, model="second"),
        }
        values = {"models": models, "tool_networks": (ip_network("127.0.0.1/32"),), **changes}
        settings = make_settings(asterisk, model, folder, turn_deadline=DEADLINE, **values)
        async with (
            running_bridge(settings),
            Phone(asterisk, settings.asterisk_app_name) as phone,
            callers_of(asterisk, settings.asterisk_app_name) as callers,
        ):
            line = Line(settings, phone, callers, model, backup, web)
            headers = {"X-Key": TOOL_KEY}
            url = f"{web.url}/hours/{{day}}"
            await line.set_tools(
                Tool("hours", "When.", HOURS, url, headers=headers, result_path="open")
            )
            await line.set_prompt("desk", "hours")
            yield line


def assert_failed(heard: Mapping[str, str | None], status: str, reason: str) -> None:
    """Assert that the dialplan was told so, with the fallback and no word of a model's."""
    assert (heard["AI_STATUS"], heard["AI_ERROR"]) == (status, reason)
    assert (heard["SYSTEM_ERROR"], heard["ARI_ERROR"]) == (reason, "")
    assert (heard["AI_RESPONSE"], heard["AI_RESPONSE_1"]) == (HOLD_THE_LINE, HOLD_THE_LINE)
    assert (heard["AI_MORE"], heard["AI_ACTION"]) == ("0", "")


def assert_in_time(heard: Mapping[str, str | None], limit: float = DEADLINE) -> None:
    """Assert that the call was back within its deadline, and a timeout not before it."""
    milliseconds = int(heard["AI_LATENCY_MS"] or "")
    assert milliseconds <= (limit + 1) * 1000
    assert heard["AI_STATUS"] != "timeout" or milliseconds >= limit * 1000


def assert_nothing_leaked(heard: Mapping[str, str | None], log: io.StringIO) -> None:
    """Assert that no secret and no word of a failing server got anywhere."""
    told = "".join(value or "" for value in heard.values()) + log.getvalue()
    for word in (POISON, SECRET, TOOL_KEY, "Connection refused", "connection attempts failed"):
        assert word not in told
