"""The two ways to take a turn that `agent.py` compares: by hand, and as a call does."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from callers import QUESTION
from instant_model import SENTENCES
from raw import read_deltas

from dialogari.answers import Place
from dialogari.tool import Tool, ToolStatus
from dialogari.turn import CallFacts, ConversationKey, Prompt, Status, TurnRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import ClientSession

    from dialogari.app.ai import Ai
    from dialogari.turn import TurnResponse

SAID = 2
"""Sentences of an answer."""
WORDS = " ".join(SENTENCES[:SAID]).split()
INSTRUCTIONS = "You answer the telephone of a bookshop. Be brief."
TOOL, PROMPT, SERVER = "opening_hours", "with_tool", "bench"
PARAMETERS = {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]}
PATIENCE = 60.0
"""Seconds for a piece of an answer."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is asked for."""

    tool: bool = False
    pieces: bool = False
    together: bool = False
    """All callers ask in the same instant, once."""


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds of one turn."""

    whole: float
    first: float = 0.0
    """Until its first sentence, where pieces are asked for."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Reads the model's stream by hand."""

    session: ClientSession
    url: str

    async def ask(self, kind: Kind) -> Took:
        """Take one turn. Raises RuntimeError where the answer is not all there."""
        began = time.perf_counter()
        said: list[dict[str, object]] = [
            {"role": "system", "content": INSTRUCTIONS},
            {"role": "user", "content": QUESTION},
        ]
        body: dict[str, object] = {"messages": said}
        if kind.tool:
            offered = {"name": TOOL, "description": "Opening hours.", "parameters": PARAMETERS}
            body["tools"] = [{"type": "function", "function": offered}]
            said += await self._use_tool(body)
        text, first = "", 0.0
        async with aclosing(read_deltas(self.session, self.url, body)) as deltas:
            async for delta in deltas:
                if kind.pieces and not first and delta.content and text.endswith(". "):
                    first = time.perf_counter() - began
                text += delta.content or ""
        whole = time.perf_counter() - began
        _check(text, well=True)
        return Took(whole * 1000, first * 1000)

    async def _use_tool(self, body: Mapping[str, object]) -> Sequence[dict[str, object]]:
        """Have the model ask for the tool, and return its call and what came of it."""
        arguments = ""
        async with aclosing(read_deltas(self.session, self.url, body)) as deltas:
            async for delta in deltas:
                arguments += "".join(call.function.arguments for call in delta.tool_calls)
        query = msgspec.json.decode(arguments, type=dict[str, str])
        async with self.session.get(f"{self.url}/hours", params=query) as response:
            result = await response.text()
        function = {"name": TOOL, "arguments": arguments}
        call = {"id": "call_1", "type": "function", "function": function}
        return [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": result},
        ]


@dataclass(frozen=True, slots=True)
class Ours:
    """Takes turns as a call does, each the first of its conversation."""

    ai: Ai
    ids: itertools.count[int] = field(default_factory=itertools.count)

    async def ask(self, kind: Kind) -> Took:
        """Take one turn. Raises RuntimeError where the answer is not all there."""
        name = f"bench-{next(self.ids)}"
        request = TurnRequest(
            QUESTION,
            ConversationKey(SERVER, name),
            prompt=PROMPT if kind.tool else None,
            call=CallFacts(name),
        )
        began = time.perf_counter()
        if not kind.pieces:
            response = await self.ai.conversations.take_turn(request)
            whole = time.perf_counter() - began
            _check(response.text, well=_is_well(kind, response))
            return Took(whole * 1000)
        response = await self.ai.answers.begin(request)
        first = time.perf_counter() - began
        text = response.text
        while response.more:
            response = await self._resume(request)
            text += f" {response.text}"
        whole = time.perf_counter() - began
        _check(text, well=_is_well(kind, response))
        return Took(whole * 1000, first * 1000)

    async def _resume(self, request: TurnRequest) -> TurnResponse:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        place = Place(SERVER, request.call.channel_id)
        return await self.ai.answers.resume(place, request.conversation, deadline)

    async def prepare(self, url: str) -> None:
        """Store the prompts, and the tool of one of them."""
        tool = Tool(TOOL, "Opening hours.", PARAMETERS, f"{url}/hours")
        await self.ai.store.tools.put(tool)
        await self.ai.store.prompts.set_prompt(Prompt("default", INSTRUCTIONS))
        await self.ai.store.prompts.set_prompt(Prompt(PROMPT, INSTRUCTIONS, tools=[TOOL]))


def _is_well(kind: Kind, response: TurnResponse) -> bool:
    used = [call.status for call in response.tool_calls]
    return response.status is Status.OK and used == [ToolStatus.OK] * kind.tool


def _check(text: str, *, well: bool) -> None:
    if not well or text.split() != WORDS:
        raise RuntimeError(f"not answered as it should be: {text!r}")
