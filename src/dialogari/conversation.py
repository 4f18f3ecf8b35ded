"""The verb: one question in, one answer out. Every door takes this way and there is no other.

    queue    turns of one conversation wait for each other, so its history is told in order
    history  what was said before, and the prompt, from the store
    model    the agent streams the answer, and has the prompt's tools done for it
    store    the turn is safe on disk before the caller hears it

Everything is done within the turn's deadline; what fails is a status with a reason of ours. Only a
cancelled consumer (the caller hung up) gets nothing: its turn is dropped and the model told so.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import structlog

from dialogari.telephone import Decision, Telephone
from dialogari.tool import ToolCall, ToolStatus, ToolUsed
from dialogari.turn import (
    AgentDone,
    AgentRequest,
    FellBack,
    Past,
    Prompt,
    Side,
    Status,
    TextDelta,
    TurnDone,
    TurnError,
    TurnRecord,
    TurnResponse,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

    from dialogari.tool import McpChoice, Tool
    from dialogari.turn import (
        Agent,
        AgentEvent,
        Catalogue,
        ConversationKey,
        History,
        TurnEvent,
        TurnRequest,
    )

DEFAULT_PROMPT = "default"
MOST_KEPT = 50
"""Facts that models keep in one conversation; beyond them the oldest are dropped."""
RECORD_FAILURE = 0.5
"""Seconds for storing a turn that failed; its deadline may have passed already."""

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.conversation")


@dataclass(slots=True)
class _Turn:
    """What is known of a running turn so far."""

    request: TurnRequest
    deadline: float
    began: float
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    past: Past | None = None
    prompt: Prompt | None = None
    model: str = ""
    answer: str = ""
    usage: Usage = field(default_factory=Usage)
    decision: Decision = field(default_factory=Decision)
    steps: dict[str, float] = field(default_factory=dict[str, float])
    calls: dict[str, ToolCall] = field(default_factory=dict[str, ToolCall])
    """In the order in which the model asked for them."""

    @asynccontextmanager
    async def step(self, name: str, late: Status = Status.TIMEOUT) -> AsyncGenerator[None]:
        """Time a step and end it at the deadline."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout_at(self.deadline):
                yield
        except TimeoutError as error:
            reason = f"{name}.{'busy' if late is Status.BUSY else 'timeout'}"
            raise TurnError(late, reason) from error
        finally:
            self.steps[name] = self.steps.get(name, 0.0) + loop.time() - began

    @property
    def ended_calls(self) -> Sequence[ToolCall]:
        return [c for c in self.calls.values() if c.status is not ToolStatus.RUNNING]

    @property
    def waits_for(self) -> str:
        """The step that time goes to now, while the agent is at work."""
        running = any(c.status is ToolStatus.RUNNING for c in self.calls.values())
        return "tools" if running else "model"

    @property
    def number(self) -> int:
        return self.past.turns + 1 if self.past else 0

    @property
    def kept(self) -> dict[str, str]:
        """The facts of the conversation by now; one that is empty is not kept."""
        all_facts = {**(self.past.kept if self.past else {}), **self.decision.facts}
        kept = [(name, value) for name, value in all_facts.items() if value]
        return dict(kept[-MOST_KEPT:])


class Conversations:
    """Takes turns; holds the conversations that have one running.

    `deadline`: seconds a turn may take at most; `fallback`: what to say when one fails.
    """

    def __init__(
        self,
        agent: Agent,
        history: History,
        catalogue: Catalogue,
        *,
        deadline: float,
        fallback: str,
    ) -> None:
        self._agent = agent
        self._history = history
        self._catalogue = catalogue
        self._deadline = deadline
        self._fallback = fallback
        self._locks: WeakValueDictionary[ConversationKey, asyncio.Lock] = WeakValueDictionary()

    async def take_turn(self, request: TurnRequest) -> TurnResponse:
        """Return what came of the turn. Never raises, but for cancellation."""
        async with aclosing(self.stream_turn(request)) as events:
            async for event in events:
                if isinstance(event, TurnDone):
                    return event.response
        raise AssertionError("a turn ended without TurnDone")

    async def stream_turn(self, request: TurnRequest) -> AsyncGenerator[TurnEvent]:
        """Yield the answer as the model writes it, then `TurnDone`.

        Close the iterator (`contextlib.aclosing`) if you leave it early. Never raises, but for
        cancellation.
        """
        now = asyncio.get_running_loop().time()
        seconds = min(request.timeout or self._deadline, self._deadline)
        turn = _Turn(request, deadline=now + seconds, began=now)
        lock = self._locks.setdefault(request.conversation, asyncio.Lock())
        try:
            async with turn.step("conversation", Status.BUSY):
                await lock.acquire()
            try:
                async with aclosing(self._answer(turn)) as pieces:
                    async for piece in pieces:
                        yield piece
            finally:
                lock.release()
        except TurnError as error:
            yield TurnDone(await self._failed(turn, error))
        except Exception:  # the boundary of a turn: a caller waits, whatever is broken in us
            logger.exception("turn_fault")
            yield TurnDone(await self._failed(turn, TurnError(Status.ERROR, "internal_fault")))
        else:
            yield TurnDone(self._response(turn))

    async def _answer(self, turn: _Turn) -> AsyncGenerator[TextDelta | ToolUsed]:
        request = turn.request
        async with turn.step("history"):
            turn.past = await self._history.load(request.conversation)
            turn.prompt = await self._catalogue.find_prompt(request.prompt or DEFAULT_PROMPT)
            tools = await self._find_tools(turn.prompt)
        if turn.prompt is None:
            raise TurnError(Status.UNKNOWN_PROMPT, "unknown_prompt")
        if not request.text.strip():
            raise TurnError(Status.NO_INPUT, "no_input", Side.CALLER)
        turn.model = self._agent.resolve(request.model or turn.prompt.model)
        question = AgentRequest(
            question=request.text,
            instructions=turn.prompt.content,
            model=turn.model,
            # Kept facts come first: what the dialplan says of the call, no model can change.
            facts=_lower(turn.kept) | describe_call(request, turn.started.astimezone()),
            history=turn.past.messages,
            language=turn.prompt.language,
            tools=tools,
            deadline=turn.deadline,
            telephone=Telephone(turn.prompt.actions, turn.prompt.transfers, request.control),
        )
        async with aclosing(self._agent.reply(question)) as events:
            while (event := await self._next(turn, events)) is not None:
                match event:
                    case TextDelta():
                        so_far = turn.steps["model"] + turn.steps.get("tools", 0.0)
                        turn.steps.setdefault("first_token", so_far)
                        yield event
                    case ToolUsed():
                        turn.calls[event.call.id] = event.call
                        yield event
                    case FellBack():
                        logger.warning(
                            "model_fallback", model=turn.model, reason=event.reason, to=event.model
                        )
                        turn.model = event.model
                    case AgentDone():
                        turn.answer, turn.usage = event.text, event.usage
                        turn.decision = event.decision
        async with turn.step("store"):
            await self._history.append(_record(turn, Status.OK, ""))

    async def _find_tools(self, prompt: Prompt | None) -> Sequence[Tool | McpChoice]:
        if prompt is None or not prompt.tools:
            return ()
        tools = await self._catalogue.find_tools(prompt.tools)
        if missing := set(prompt.tools).difference(tool.name for tool in tools):
            logger.warning("tools_missing", prompt=prompt.name, tools=sorted(missing))
        return tools

    async def _next(self, turn: _Turn, events: AsyncIterator[AgentEvent]) -> AgentEvent | None:
        """Return the agent's next event; `_Turn.step` spelled out, as this runs for every token."""
        loop = asyncio.get_running_loop()
        began, step = loop.time(), turn.waits_for
        try:
            async with asyncio.timeout_at(turn.deadline):
                return await anext(events, None)
        except TimeoutError as error:
            raise TurnError(Status.TIMEOUT, f"{step}.timeout") from error
        finally:
            turn.steps[step] = turn.steps.get(step, 0.0) + loop.time() - began

    async def _failed(self, turn: _Turn, error: TurnError) -> TurnResponse:
        """Store the failed turn if that is still possible, and say what the caller gets."""
        turn.answer, turn.decision = "", Decision()
        if turn.past is not None and not error.reason.startswith("store."):
            try:
                async with asyncio.timeout(RECORD_FAILURE):
                    await self._history.append(_record(turn, error.status, error.reason))
            except (TurnError, TimeoutError):
                logger.warning("failed_turn_not_stored", conversation=turn.request.conversation.id)
        return self._response(turn, error)

    def _response(self, turn: _Turn, error: TurnError | None = None) -> TurnResponse:
        own = turn.prompt.fallback_text if turn.prompt else None
        return TurnResponse(
            status=error.status if error else Status.OK,
            text=turn.answer,
            reason=error.reason if error else "",
            side=error.side if error else Side.SYSTEM,
            conversation=turn.request.conversation,
            number=turn.number,
            prompt=turn.request.prompt or DEFAULT_PROMPT,
            model=turn.model,
            fallback_text=self._fallback if own is None else own,
            usage=turn.usage,
            steps=turn.steps,
            tool_calls=turn.ended_calls,
            decision=turn.decision,
        )


def describe_call(request: TurnRequest, now: datetime) -> dict[str, str]:
    """Return what a prompt may use: the clock, the caller, and the dialplan's facts over both."""
    return {
        "date": now.strftime("%Y-%m-%d"),
        "time": now.strftime("%H:%M"),
        "weekday": now.strftime("%A"),
        "caller_number": request.call.caller_number,
        "caller_name": request.call.caller_name,
        "language": request.call.language,
        **request.facts,
    }


def _record(turn: _Turn, status: Status, reason: str) -> TurnRecord:
    return TurnRecord(
        conversation=turn.request.conversation,
        number=turn.number,
        question=turn.request.text,
        answer=turn.answer,
        status=status,
        reason=reason,
        prompt=turn.request.prompt or DEFAULT_PROMPT,
        prompt_version=turn.prompt.version if turn.prompt else 0,
        model=turn.model,
        facts=turn.request.facts,
        usage=turn.usage,
        started=turn.started,
        seconds=asyncio.get_running_loop().time() - turn.began,
        tool_calls=turn.ended_calls,
        kept=turn.kept,
    )


def _lower(facts: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in facts.items()}
