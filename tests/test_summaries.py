"""Which conversations are summed up when, with a model that waits; the rest is in tests/web."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from dialogari.remembered import Mark, Summary
from dialogari.running import Turn
from dialogari.summaries import AT_ONCE, Summaries
from dialogari.turn import (
    AgentRequest,
    ConversationKey,
    Message,
    Past,
    Prompt,
    Role,
    Status,
    TurnError,
    TurnRequest,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

EARLY = datetime(2026, 11, 22, 9, tzinfo=UTC)


@dataclass
class GatedSummarist:
    """Finds `overflow` messages too many, and writes once its gate is open."""

    count: int = 2
    error: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[AgentRequest] = field(default_factory=list[AgentRequest])
    seen: list[int] = field(default_factory=list[int])

    def overflow(self, messages: Sequence[Message]) -> int:
        self.seen.append(len(messages))
        return self.count

    async def summarize(self, request: AgentRequest) -> str:
        self.asked.append(request)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return "In short."


@dataclass
class ListShelf:
    """Keeps what it is given."""

    kept: list[tuple[str, Summary]] = field(default_factory=list[tuple[str, Summary]])

    async def keep_summary(self, conversation: ConversationKey, summary: Summary) -> None:
        self.kept.append((conversation.id, summary))


@dataclass
class Bench:
    """Summaries, and what is beneath them."""

    summarist: GatedSummarist
    shelf: ListShelf
    summaries: Summaries

    async def settle(self) -> None:
        """Let all that can go on go on."""
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def bench() -> AsyncGenerator[Bench]:
    """Summaries at work."""
    summarist, shelf = GatedSummarist(), ListShelf()
    summaries = Summaries(summarist, shelf)
    async with summaries.running():
        yield Bench(summarist, shelf, summaries)


def _turn(name: str, turns: int = 4, summary: Summary | None = None) -> Turn:
    """Return a turn that has just been answered, and was told of `turns` before it."""
    first = summary.turns + 1 if summary else 1
    marks = [Mark(number, EARLY.replace(minute=number)) for number in range(first, first + turns)]
    messages = [
        Message(role, f"{role} {mark.number}")
        for mark in marks
        for role in (Role.CALLER, Role.ASSISTANT)
    ]
    past = Past(messages, first + turns - 1, {}, marks, summary)
    request = TurnRequest("now", ConversationKey("pbx", name))
    prompt = Prompt("default", "", language="es")
    return Turn(request, 0.0, 0.0, past=past, prompt=prompt, model="a:x", answer="Yes.")


async def test_the_oldest_are_summed_up(bench: Bench) -> None:
    """By the turn's model, in the prompt's language; kept with the last turn that it covers."""
    bench.summarist.count = 4
    bench.summarist.gate.set()

    bench.summaries.note(_turn("a"))
    await bench.settle()

    (asked,) = bench.summarist.asked
    assert [message.text for message in asked.history] == [
        *("caller 1", "assistant 1", "caller 2", "assistant 2")
    ]
    assert (asked.model, asked.language, asked.summary) == ("a:x", "es", "")
    assert bench.summarist.seen == [10], "the turn itself counts"
    assert bench.shelf.kept == [("a", Summary("In short.", 2, EARLY.replace(minute=1)))]


async def test_the_next_one_is_made_of_the_last(bench: Bench) -> None:
    """It is handed on, and how old it is stays."""
    bench.summarist.gate.set()
    before = Summary("Before.", 7, EARLY)

    bench.summaries.note(_turn("a", 3, before))
    await bench.settle()

    assert bench.summarist.asked[0].summary == "Before."
    assert bench.shelf.kept == [("a", Summary("In short.", 8, EARLY))]


async def test_the_turn_itself_is_never_summed_up(bench: Bench) -> None:
    """Its answer may still be told in pieces."""
    bench.summarist.count = 10
    bench.summarist.gate.set()

    bench.summaries.note(_turn("a"))
    await bench.settle()

    assert bench.shelf.kept[0][1].turns == 4


async def test_what_fits_is_not_summed_up(bench: Bench) -> None:
    """Nor is the first turn of a conversation."""
    bench.summarist.count = 0

    bench.summaries.note(_turn("a"))
    bench.summaries.note(_turn("b", 0))
    await bench.settle()

    assert bench.summarist.asked == []
    assert bench.summarist.seen == [10]


async def test_they_are_bounded(bench: Bench) -> None:
    """One for a conversation and four in all; the others have their chance at their next turn."""
    for name in "aabcdefg":
        bench.summaries.note(_turn(name))
    await bench.settle()
    assert len(bench.summarist.asked) == AT_ONCE

    bench.summarist.gate.set()
    await bench.settle()
    bench.summaries.note(_turn("g"))
    await bench.settle()

    assert [name for name, _ in bench.shelf.kept] == [*"abcd", "g"]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (TurnError(Status.MODEL_ERROR, "a.http_500"), "summary_failed"),
        (ZeroDivisionError("secret"), "summary_fault"),
    ],
)
async def test_a_failure_costs_a_line(bench: Bench, error: Exception, line: str) -> None:
    """And no other summary."""
    bench.summarist.gate.set()
    bench.summarist.error = error
    with capture_logs() as lines:
        bench.summaries.note(_turn("a"))
        await bench.settle()
        bench.summarist.error = None
        bench.summaries.note(_turn("a"))
        await bench.settle()

    assert [one["event"] for one in lines] == [line]
    assert len(bench.shelf.kept) == 1


async def test_a_model_that_never_ends(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its own deadline, which it is told."""
    monkeypatch.setattr("dialogari.summaries.LIMIT", 0.05)
    with capture_logs() as lines:
        bench.summaries.note(_turn("a"))
        await asyncio.sleep(0.15)

    now = asyncio.get_running_loop().time()
    assert now - 1 < bench.summarist.asked[0].deadline < now
    assert [(one["event"], one["reason"]) for one in lines] == [("summary_failed", "timeout")]


async def test_the_end_drops_what_runs() -> None:
    """At once, and what comes later is not begun."""
    summarist, shelf = GatedSummarist(), ListShelf()
    summaries = Summaries(summarist, shelf)
    async with asyncio.timeout(1), summaries.running():
        summaries.note(_turn("a"))
        await asyncio.sleep(0)
    summaries.note(_turn("b"))

    assert len(summarist.asked) == 1
    assert shelf.kept == []
