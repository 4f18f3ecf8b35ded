"""The default local model with tools, from the cache: it asks for the right one, and uses it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest

from dialogari.agent.answer import ModelAgent
from dialogari.agent.chat.by_schema import explain_tools
from dialogari.agent.local.server import REQUEST_EXTRAS, LocalServer
from dialogari.agent.models import Models
from dialogari.agent.outbound import Outbound
from dialogari.agent.provider import Provider
from dialogari.agent.tools import HttpTools, define
from dialogari.progress import Step
from dialogari.tool import Tool, ToolCall, ToolStatus, ToolUsed
from dialogari.turn import AgentDone, AgentRequest
from web_stub import WebStub

pytestmark = pytest.mark.timeout(300)

PROMPT = (
    "You answer the telephone of a bookshop in Lima, 12 Harbour Street. Be brief: one or two short"
    " sentences, in the language of the caller. Payment: cash or card."
)
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
HOURS = {
    "type": "object",
    "properties": {"day": {"type": "string", "enum": DAYS}},
    "required": ["day"],
}
ORDER = {
    "type": "object",
    "properties": {"number": {"type": "integer"}},
    "required": ["number"],
}


def ignore(_step: Step) -> None:
    """Report to nobody."""


@dataclass
class Shop:
    """A model that has two tools."""

    agent: ModelAgent
    web: WebStub
    tools: list[Tool]

    async def ask(self, text: str) -> tuple[str, list[ToolCall]]:
        """Return the answer, and the calls that ended."""
        calls: list[ToolCall] = []
        answer = ""
        request = AgentRequest(text, PROMPT, "local:m", tools=self.tools)
        async with aclosing(self.agent.reply(request)) as events:
            async for event in events:
                if isinstance(event, ToolUsed) and event.call.status is not ToolStatus.RUNNING:
                    calls.append(event.call)
                if isinstance(event, AgentDone):
                    answer = event.text
        return answer, calls


@pytest.fixture
async def shop(model_file: Path) -> AsyncGenerator[Shop]:
    """Load the model and prime it with the prompt."""
    outbound = Outbound([ip_network("127.0.0.1/32")])
    async with WebStub() as web, LocalServer(model_file) as server:
        web.answer = {"hours": "8:30 to 16:45", "order": "shipped, arrives on Thursday"}
        tools = [
            Tool(
                "opening_hours",
                "When the shop is open on a day of the week.",
                HOURS,
                f"{web.url}/hours/{{day}}",
                result_path="hours",
            ),
            Tool(
                "order_status",
                "Where an order is. Needs its number.",
                ORDER,
                f"{web.url}/orders/{{number}}",
                result_path="order",
            ),
        ]
        await server.start(ignore)
        await server.prime(explain_tools(PROMPT, list(map(define, tools))))
        provider = Provider(
            "local",
            server.base_url,
            "m",
            server.api_key,
            settings={"extra_body": dict(REQUEST_EXTRAS)},
            patient=True,
            hangs_up=True,
            tools_by_schema=True,
        )
        models = Models([provider], "local")
        yield Shop(ModelAgent(models, tools=HttpTools(outbound)), web, tools)
        await models.aclose()
        await outbound.aclose()


async def test_tools_are_used_where_they_are_needed(shop: Shop) -> None:
    """In English and Spanish; the arguments are right, the answer holds the outcome."""
    for question, called, arguments, said in (
        ("When do you open on Saturday?", "opening_hours", {"day": "saturday"}, "8:30"),
        ("¿A qué hora abren el lunes?", "opening_hours", {"day": "monday"}, "8:30"),
        ("Where is my order 4711?", "order_status", {"number": 4711}, "Thursday"),
    ):
        answer, calls = await shop.ask(question)
        assert [(c.name, dict(c.arguments), c.status) for c in calls] == [
            (called, arguments, ToolStatus.OK)
        ]
        assert said in answer


async def test_tools_are_left_alone_where_they_are_not(shop: Shop) -> None:
    """A greeting, and what the prompt itself says, need none."""
    greeting, no_calls = await shop.ask("Hello, good morning.")
    address, none_either = await shop.ask("Can I pay by card?")

    assert (no_calls, none_either) == ([], [])
    assert greeting
    assert "card" in address
    assert "{" not in greeting + address
