"""The verb: what a turn does with agents and stores that answer, fail, stall or are broken."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from dialogari.asked import Asking, Usage
from dialogari.conversation import Conversations, describe_call
from dialogari.tool import Tool, ToolCall, ToolStatus, ToolUsed
from dialogari.turn import (
    AgentDone,
    AgentRequest,
    CallFacts,
    ConversationKey,
    FellBack,
    Message,
    Past,
    Prompt,
    Role,
    Side,
    Status,
    TextDelta,
    TurnDone,
    TurnError,
    TurnRecord,
    TurnRequest,
    TurnResponse,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from dialogari.turn import AgentEvent

KEY = ConversationKey("pbx", "1")


@dataclass
class ScriptedAgent:
    """Answers with its pieces, or raises, or waits; says when it was closed."""

    pieces: tuple[str, ...] = ("Hello ", "there.")
    error: Exception | None = None
    wait: float = 0.0
    fallback: str = ""
    """Falls back to this model first, after `wait`."""
    uses: tuple[ToolUsed, ...] = ()
    """Events of tools, before the pieces; `wait` passes after each that has just begun."""
    asked: list[AgentRequest] = field(default_factory=list[AgentRequest])
    closed: bool = False

    def resolve(self, model: str | None) -> str:
        if model == "nobody":
            raise TurnError(Status.UNKNOWN_MODEL, "unknown_provider")
        return f"scripted:{model or 'default'}"

    async def reply(self, request: AgentRequest) -> AsyncGenerator[AgentEvent]:
        self.asked.append(request)
        try:
            yield Asking(request.model, asyncio.get_running_loop().time())
            if self.fallback:
                await asyncio.sleep(self.wait)
                yield FellBack(self.fallback, "scripted.http_500")
            for use in self.uses:
                yield use
                if use.call.status is ToolStatus.RUNNING:
                    await asyncio.sleep(self.wait)
            for piece in self.pieces:
                yield TextDelta(piece)
            await asyncio.sleep(self.wait)
            if self.error is not None:
                raise self.error
            yield AgentDone("".join(self.pieces), Usage(3, 4))
        finally:
            self.closed = True


@dataclass
class ListStore:
    """A history and a catalogue in lists; each step may fail or wait."""

    records: list[TurnRecord] = field(default_factory=list[TurnRecord])
    prompts: dict[str, Prompt] = field(
        default_factory=lambda: {"default": Prompt("default", "Be.")}
    )
    tools: dict[str, Tool] = field(default_factory=dict[str, Tool])
    load_error: TurnError | None = None
    append_error: TurnError | None = None
    wait: float = 0.0

    async def load(self, conversation: ConversationKey) -> Past:
        await asyncio.sleep(self.wait)
        if self.load_error is not None:
            raise self.load_error
        own = [record for record in self.records if record.conversation == conversation]
        said = [
            message
            for record in own
            if record.status is Status.OK
            for message in (
                Message(Role.CALLER, record.question),
                Message(Role.ASSISTANT, record.answer),
            )
        ]
        return Past(said, len(own))

    async def append(self, record: TurnRecord) -> None:
        if self.append_error is not None:
            raise self.append_error
        self.records.append(record)

    async def amend(self, record: TurnRecord) -> None:
        raise AssertionError(f"nobody asked for pieces of {record.conversation}")

    async def find_prompt(self, name: str) -> Prompt | None:
        return self.prompts.get(name)

    async def find_tools(self, names: Sequence[str]) -> Sequence[Tool]:
        return [self.tools[name] for name in names if name in self.tools]


def _conversations(agent: ScriptedAgent, store: ListStore, deadline: float = 2.0) -> Conversations:
    return Conversations(agent, store, store, deadline=deadline, fallback="Please hold.")


async def _take(agent: ScriptedAgent, store: ListStore, request: TurnRequest) -> TurnResponse:
    return await _conversations(agent, store).take_turn(request)


async def test_a_turn_is_answered_and_stored() -> None:
    """The response and the record say the same."""
    agent, store = ScriptedAgent(), ListStore()

    response = await _take(agent, store, TurnRequest("hi", KEY, facts={"vip": "1"}))

    assert (response.status, response.text, response.number) == (Status.OK, "Hello there.", 1)
    assert (response.model, response.usage) == ("scripted:default", Usage(3, 4))
    record = store.records[0]
    assert (record.question, record.answer, record.status) == ("hi", "Hello there.", Status.OK)
    assert (record.number, record.prompt, record.prompt_version) == (1, "default", 1)
    assert (record.facts, record.model) == ({"vip": "1"}, "scripted:default")
    assert set(response.steps) == {"conversation", "history", "model", "first_token", "store"}


async def test_the_stream_yields_pieces_then_the_response() -> None:
    """`stream_turn` passes the model's pieces on and ends with TurnDone."""
    turns = _conversations(ScriptedAgent(), ListStore())

    events = [event async for event in turns.stream_turn(TurnRequest("hi", KEY))]

    assert events[:2] == [TextDelta("Hello "), TextDelta("there.")]
    assert isinstance(events[2], TurnDone)


async def test_leaving_the_stream_closes_the_agent_and_frees_the_conversation() -> None:
    """A consumer that leaves early stops the model; the next turn need not wait."""
    agent, store = ScriptedAgent(), ListStore()
    turns = _conversations(agent, store)
    async with aclosing(turns.stream_turn(TurnRequest("hi", KEY))) as events:
        await anext(events)

    assert agent.closed
    assert (await turns.take_turn(TurnRequest("hi", KEY))).status is Status.OK


async def test_history_and_prompt_reach_the_agent() -> None:
    """The second turn is asked with the first in its history; a failed one is left out."""
    agent, store = ScriptedAgent(), ListStore()
    await _take(agent, store, TurnRequest("first", KEY))
    await _take(agent, store, TurnRequest(" ", KEY))

    third = await _take(agent, store, TurnRequest("third", KEY))

    assert [message.text for message in agent.asked[-1].history] == ["first", "Hello there."]
    assert agent.asked[-1].instructions == "Be."
    assert third.number == 3


@pytest.mark.parametrize(
    ("request_", "status", "reason", "side"),
    [
        (TurnRequest("", KEY), Status.NO_INPUT, "no_input", Side.CALLER),
        (TurnRequest(" \n", KEY), Status.NO_INPUT, "no_input", Side.CALLER),
        (
            TurnRequest("hi", KEY, prompt="x"),
            Status.UNKNOWN_PROMPT,
            "unknown_prompt",
            Side.SYSTEM,
        ),
        (
            TurnRequest("hi", KEY, model="nobody"),
            Status.UNKNOWN_MODEL,
            "unknown_provider",
            Side.SYSTEM,
        ),
    ],
)
async def test_a_turn_that_cannot_be_asked(
    request_: TurnRequest, status: Status, reason: str, side: Side
) -> None:
    """It is told apart, stored, and no model is asked."""
    agent, store = ScriptedAgent(), ListStore()

    response = await _take(agent, store, request_)

    assert (response.status, response.reason, response.side) == (status, reason, side)
    assert (response.text, response.fallback_text) == ("", "Please hold.")
    assert [record.status for record in store.records] == [status]
    assert agent.asked == []


async def test_a_prompt_brings_its_model_and_its_fallback() -> None:
    """A prompt's own model is asked, its own fallback said; the request's model goes first."""
    agent = ScriptedAgent(error=TurnError(Status.MODEL_ERROR, "scripted.http_500"))
    store = ListStore(prompts={"default": Prompt("default", "", model="own", fallback_text="Own.")})

    response = await _take(agent, store, TurnRequest("hi", KEY))
    other = await _take(agent, store, TurnRequest("hi", KEY, model="asked"))

    assert (response.model, response.fallback_text) == ("scripted:own", "Own.")
    assert (response.status, response.reason) == (Status.MODEL_ERROR, "scripted.http_500")
    assert other.model == "scripted:asked"


@pytest.mark.parametrize("error", [None, TurnError(Status.MODEL_ERROR, "other.http_429")])
async def test_the_model_that_was_asked_last_is_named(error: TurnError | None) -> None:
    """A fallback is named by response and record, answer or not; first_token has all the wait."""
    agent, store = ScriptedAgent(fallback="other:m", wait=0.05, error=error), ListStore()

    response = await _take(agent, store, TurnRequest("hi", KEY))

    assert response.reason == (error.reason if error else "")
    assert response.model == store.records[0].model == "other:m"
    assert 0.05 <= response.steps["first_token"] <= response.steps["model"]


async def test_the_deadline_ends_a_model_that_waits() -> None:
    """`timeout` names the step, the agent is closed, and half an answer is not stored as one."""
    agent, store = ScriptedAgent(wait=5), ListStore()

    response = await _take(agent, store, TurnRequest("hi", KEY, timeout=0.05))

    assert (response.status, response.reason) == (Status.TIMEOUT, "model.timeout")
    assert agent.closed
    assert [(r.status, r.answer) for r in store.records] == [(Status.TIMEOUT, "")]
    (asked,) = store.records[0].asked
    assert (asked.model, asked.reason) == ("scripted:default", "scripted.timeout")
    assert 0 < asked.seconds <= store.records[0].seconds


async def test_a_request_cannot_lengthen_the_deadline() -> None:
    """The setting bounds what a request asks for."""
    turns = _conversations(ScriptedAgent(wait=5), ListStore(), deadline=0.05)

    response = await turns.take_turn(TurnRequest("hi", KEY, timeout=60))

    assert response.status is Status.TIMEOUT


async def test_a_store_that_waits_is_ended_too() -> None:
    """`timeout` names the history."""
    response = await _take(ScriptedAgent(), ListStore(wait=5), TurnRequest("hi", KEY, timeout=0.05))

    assert (response.status, response.reason) == (Status.TIMEOUT, "history.timeout")
    assert response.number == 0


@pytest.mark.parametrize("where", ["load_error", "append_error"])
async def test_a_store_that_refuses(where: str) -> None:
    """An answer that can't be stored is not told: `error` with the store's reason."""
    store = ListStore()
    setattr(store, where, TurnError(Status.ERROR, "store.disk_full"))

    response = await _take(ScriptedAgent(), store, TurnRequest("hi", KEY))

    assert (response.status, response.reason) == (Status.ERROR, "store.disk_full")
    assert response.text == ""
    assert response.side is Side.SYSTEM


async def test_a_fault_of_ours_is_a_status_too() -> None:
    """An exception nobody foresaw ends the turn as `error`, without its text."""
    agent = ScriptedAgent(error=ZeroDivisionError("secret"))

    response = await _take(agent, ListStore(), TurnRequest("hi", KEY))

    assert (response.status, response.reason) == (Status.ERROR, "internal_fault")
    assert "secret" not in repr(response)


async def test_turns_of_one_conversation_wait_their_turn() -> None:
    """A second question waits for the first; past its own deadline it is told `busy`."""
    agent, store = ScriptedAgent(wait=0.3), ListStore()
    turns = _conversations(agent, store)

    first, late, patient = await asyncio.gather(
        turns.take_turn(TurnRequest("first", KEY)),
        turns.take_turn(TurnRequest("late", KEY, timeout=0.05)),
        turns.take_turn(TurnRequest("patient", KEY)),
    )

    assert (first.status, first.number) == (Status.OK, 1)
    assert (late.status, late.reason) == (Status.BUSY, "conversation.busy")
    assert (patient.status, patient.number) == (Status.OK, 2)


async def test_other_conversations_do_not_wait() -> None:
    """Two conversations run side by side, one of another server with the same id included."""
    agent = ScriptedAgent(wait=0.2)
    turns = _conversations(agent, ListStore())

    async with asyncio.timeout(0.35):
        responses = await asyncio.gather(
            turns.take_turn(TurnRequest("a", ConversationKey("pbx1", "1"))),
            turns.take_turn(TurnRequest("b", ConversationKey("pbx2", "1"))),
        )

    assert [response.number for response in responses] == [1, 1]


async def test_a_cancelled_turn_closes_the_agent() -> None:
    """When the consumer is cancelled (the caller hung up) the model's stream is closed."""
    agent = ScriptedAgent(wait=5)
    turns = _conversations(agent, ListStore())
    async with asyncio.TaskGroup() as tasks:
        turn = tasks.create_task(turns.take_turn(TurnRequest("hi", KEY)))
        await asyncio.sleep(0.05)
        turn.cancel()

    assert agent.closed


async def test_the_agent_knows_the_language_of_the_prompt() -> None:
    """It says numbers and signs in it."""
    agent = ScriptedAgent()
    store = ListStore(prompts={"default": Prompt("default", "Be.", language="es-MX")})

    await _take(agent, store, TurnRequest("hi", KEY))

    assert agent.asked[0].language == "es-MX"


def test_what_a_prompt_may_use() -> None:
    """The clock, the caller, and the dialplan's facts, which win."""
    request = TurnRequest(
        "hi", KEY, facts={"vip": "yes", "language": "es"}, call=CallFacts("c", "600", "Ada", "en")
    )

    facts = describe_call(request, datetime(2026, 11, 22, 9, 5, tzinfo=UTC))

    assert facts == {
        "date": "2026-11-22",
        "time": "09:05",
        "weekday": "Sunday",
        "caller_number": "600",
        "caller_name": "Ada",
        "language": "es",
        "vip": "yes",
    }


ASKED = ToolCall("c1", "hours", {"day": "Monday"})
ANSWERED = ToolCall("c1", "hours", {"day": "Monday"}, 1, ToolStatus.OK, "", "nine to five", 0.2)
HOURS = Tool("hours", "When we open.", {"type": "object"}, "https://shop.example/hours")


async def test_the_tools_of_a_prompt_reach_the_agent() -> None:
    """Those that there are, in the prompt's order, and the turn's deadline; no others."""
    prompt = Prompt("default", "Be.", tools=("gone", "hours"))
    agent, store = ScriptedAgent(), ListStore(prompts={"default": prompt}, tools={"hours": HOURS})

    response = await _take(agent, store, TurnRequest("hi", KEY))

    assert response.status is Status.OK
    assert list(agent.asked[0].tools) == [HOURS]
    assert 0 < agent.asked[0].deadline - asyncio.get_running_loop().time() <= 2.0


async def test_tool_calls_are_events_and_part_of_the_record() -> None:
    """Both events come through in order; response and record hold the call as it ended."""
    agent = ScriptedAgent(uses=(ToolUsed(ASKED), ToolUsed(ANSWERED)), wait=0.1)
    store = ListStore()

    events = [e async for e in _conversations(agent, store).stream_turn(TurnRequest("hi", KEY))]

    assert events[:3] == [ToolUsed(ASKED), ToolUsed(ANSWERED), TextDelta("Hello ")]
    assert isinstance(events[-1], TurnDone)
    response = events[-1].response
    assert list(response.tool_calls) == list(store.records[0].tool_calls) == [ANSWERED]
    assert response.steps["tools"] >= 0.09
    assert response.steps["first_token"] >= response.steps["tools"]


async def test_a_turn_that_ends_during_a_tool() -> None:
    """The reason says so; a call that had not ended is not recorded as one that had."""
    agent, store = ScriptedAgent(uses=(ToolUsed(ASKED),), wait=5), ListStore()

    response = await _conversations(agent, store, 0.1).take_turn(TurnRequest("hi", KEY))

    assert (response.status, response.reason) == (Status.TIMEOUT, "tools.timeout")
    assert not store.records[0].tool_calls
    assert agent.closed
