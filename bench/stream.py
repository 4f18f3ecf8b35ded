"""What a streamed answer costs: our client of OpenAI-compatible servers beside raw and stock ones.

    python bench/stream.py [--rounds 5] [--quick]

A model that answers at once (`instant_model.py`, a process of its own), and four ways to read the
same answer of twenty tokens from it, which take turns in this process, 1 and 100 at a time:

    raw     aiohttp and msgspec by hand: the pieces of text, and nothing beside
    stock   pydantic-ai's own OpenAIChatModel on the official client, through `pydantic_ai.direct`
    ours    `dialogari.agent.chat` as a pydantic-ai model, through `pydantic_ai.direct`
    agent   `ModelAgent.reply` on it: all that a turn does between history and store

CPU is this process's own, all threads; the first token is taken from the question to the first
piece of text. What is worth comparing are the ratios: they come from the same minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from callers import QUESTION
from openai import AsyncOpenAI
from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import (
    ModelRequest,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    UserPromptPart,
)
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from raw import ask_at_once, collect_as_the_bridge, open_session, read_deltas
from turn import running_model

from dialogari.agent.answer import ModelAgent
from dialogari.agent.models import Models
from dialogari.agent.provider import Provider
from dialogari.turn import AgentRequest, TextDelta

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from aiohttp import ClientSession
    from pydantic_ai.models import Model

    Way = Callable[[], AsyncGenerator[str]]
    """One question: yields the answer's pieces."""
    Costs = Mapping[tuple[str, int], Sequence["Cost"]]

INSTRUCTIONS = "You answer the telephone of a bookshop. Be brief."
RAW, STOCK, OURS, AGENT = "raw", "stock", "ours", "agent"
AT_ONCE = (1, 100)
FULL, QUICK = {1: 200, 100: 600}, {1: 5, 100: 100}
"""Questions in a round, by how many are asked at a time."""
RUN_LIMIT = 240.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one round took."""

    cpu: float
    """Milliseconds a question."""
    first: float
    """Milliseconds to the first token, median."""


def raw_way(session: ClientSession, url: str) -> Way:
    """Return the least there is."""

    async def ask() -> AsyncGenerator[str]:
        said = [
            {"role": "system", "content": INSTRUCTIONS},
            {"role": "user", "content": QUESTION},
        ]
        async with aclosing(read_deltas(session, url, {"messages": said})) as deltas:
            async for delta in deltas:
                if delta.content:
                    yield delta.content

    return ask


def direct_way(model: Model) -> Way:
    """Return a model asked through `pydantic_ai.direct`."""

    async def ask() -> AsyncGenerator[str]:
        request = ModelRequest(parts=[UserPromptPart(QUESTION)], instructions=INSTRUCTIONS)
        async with model_request_stream(model, [request]) as stream:
            async for event in stream:
                match event:
                    case PartStartEvent(part=TextPart(content=text)):
                        yield text
                    case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
                        yield text
                    case _:
                        pass

    return ask


def agent_way(agent: ModelAgent) -> Way:
    """Return the agent as a turn asks it."""
    request = AgentRequest(QUESTION, INSTRUCTIONS, "openai:instant")

    async def ask() -> AsyncGenerator[str]:
        async with aclosing(agent.reply(request)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    yield event.text

    return ask


@asynccontextmanager
async def open_ways(url: str) -> AsyncGenerator[Mapping[str, Way]]:
    """Open every way to ask; closed at the end."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session())
        official = AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
        stack.push_async_callback(official.close)
        models = Models([Provider("openai", url, "instant")], "openai")
        stack.push_async_callback(models.aclose)
        stock = OpenAIChatModel("instant", provider=OpenAIProvider(openai_client=official))
        yield {
            RAW: raw_way(session, url),
            STOCK: direct_way(stock),
            OURS: direct_way(models.open("openai:instant")[0]),
            AGENT: agent_way(ModelAgent(models)),
        }


async def measure(way: Way, at_once: int, questions: int) -> Cost:
    """Ask so many questions, so many at a time."""
    firsts: list[float] = []

    async def ask() -> None:
        began = time.perf_counter()
        first = 0.0
        async with aclosing(way()) as pieces:
            async for _ in pieces:
                first = first or time.perf_counter() - began
        if not first:
            raise RuntimeError("no answer")
        firsts.append(first)

    cpu = time.process_time()
    await ask_at_once(ask, at_once, questions)
    spent = time.process_time() - cpu
    return Cost(spent / questions * 1000, statistics.median(firsts) * 1000)


async def run(plan: Mapping[int, int], rounds: int, folder: Path) -> Costs:
    """Let the ways take turns and return what they took."""
    async with running_model(folder / "model") as url, open_ways(url) as ways:
        costs: dict[tuple[str, int], list[Cost]] = {
            (name, at_once): [] for at_once in plan for name in ways
        }
        for way in ways.values():
            await measure(way, 10, 20)
        collect_as_the_bridge()
        for _ in range(rounds):
            for (name, at_once), measured in costs.items():
                measured.append(await measure(ways[name], at_once, plan[at_once]))
    return costs


def render(costs: Costs) -> str:
    """Return the tables: ratios first, then what they are made of."""
    lines = [f"{'CPU over raw':16}" + "".join(f"{f'{n} at a time':>24}" for n in AT_ONCE)]
    for name in (STOCK, OURS, AGENT):
        cells = (_ratio(costs[name, n], costs[RAW, n]) for n in AT_ONCE)
        lines.append(f"{name:16}" + "".join(f"{cell:>24}" for cell in cells))
    lines += ["", f"{'':24}{'CPU ms':>10}{'first token ms':>18}{'added to raw':>16}"]
    for (name, at_once), rounds in costs.items():
        cpu = statistics.median(cost.cpu for cost in rounds)
        first = statistics.median(cost.first for cost in rounds)
        raw = costs[RAW, at_once]
        added = statistics.median(a.first - b.first for a, b in zip(rounds, raw, strict=True))
        head = f"{f'{at_once} at a time':16}{name:8}"
        lines.append(f"{head}{cpu:10.2f}{first:18.2f}{added:16.2f}")
    return "\n".join(lines)


def _ratio(theirs: Sequence[Cost], raw: Sequence[Cost]) -> str:
    ratios = [a.cpu / b.cpu for a, b in zip(theirs, raw, strict=True)]
    median = f"{statistics.median(ratios):.2f}x"
    return median if len(ratios) == 1 else f"{median} ({min(ratios):.2f}-{max(ratios):.2f})"


async def _bounded(plan: Mapping[int, int], rounds: int) -> Costs:
    with tempfile.TemporaryDirectory(prefix="dialogari-bench-") as folder:
        async with asyncio.timeout(RUN_LIMIT):
            return await run(plan, rounds, Path(folder))


def main() -> None:
    """Run and print the tables."""
    parser = argparse.ArgumentParser(description="What a streamed answer costs.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="few questions: does it still run?")
    wanted = parser.parse_args()
    plan, rounds = (QUICK, 1) if wanted.quick else (FULL, wanted.rounds)
    costs = asyncio.run(_bounded(plan, rounds))
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    sys.stdout.write(f"{machine}, medians of {rounds} rounds\n\n{render(costs)}\n")


if __name__ == "__main__":
    main()
