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
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import structlog

from dialogari.asked import Asked, Asking, Usage
from dialogari.running import DEFAULT_PROMPT, Turn
from dialogari.telephone import Decision, Telephone
from dialogari.tool import ToolUsed
from dialogari.turn import (
    AgentDone,
    AgentRequest,
    FellBack,
    Prompt,
    Sentence,
    Side,
    Status,
    TextDelta,
    TurnDone,
    TurnError,
    TurnRecord,
    TurnResponse,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from dialogari.parts import Agent, CallerMemory, Catalogue, History
    from dialogari.summaries import Summaries
    from dialogari.tool import McpChoice, Tool
    from dialogari.turn import AgentEvent, ConversationKey, TurnEvent, TurnRequest

RECORD_FAILURE = 0.5
"""Seconds for storing a turn that failed; its deadline may have passed already."""

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.conversation")


class Conversations:
    """Takes turns; holds the conversations that have one running.

    `deadline`: seconds a turn may take at most; `fallback`: what to say when one fails;
    `callers`: knows callers again, None: nobody is; `summaries`: sums up long conversations.
    """

    def __init__(
        self,
        agent: Agent,
        history: History,
        catalogue: Catalogue,
        *,
        deadline: float,
        fallback: str,
        callers: CallerMemory | None = None,
        summaries: Summaries | None = None,
    ) -> None:
        self._agent = agent
        self._history = history
        self._catalogue = catalogue
        self._deadline = deadline
        self._fallback = fallback
        self._callers = callers
        self._summaries = summaries
        self._locks: WeakValueDictionary[ConversationKey, asyncio.Lock] = WeakValueDictionary()

    async def take_turn(self, request: TurnRequest) -> TurnResponse:
        """Return what came of the turn. Never raises, but for cancellation."""
        async with aclosing(self.stream_turn(request)) as events:
            async for event in events:
                if isinstance(event, TurnDone):
                    return event.response
        raise AssertionError("a turn ended without TurnDone")

    def stream_turn(self, request: TurnRequest) -> AsyncGenerator[TurnEvent]:
        """Yield the answer as the model writes it, then `TurnDone`.

        Close the iterator (`contextlib.aclosing`) if you leave it early. Never raises, but for
        cancellation.
        """
        return self.run(self.begin(request))

    def begin(self, request: TurnRequest) -> Turn:
        """Return a turn to `run`; its time runs from now."""
        now = asyncio.get_running_loop().time()
        seconds = min(request.timeout or self._deadline, self._deadline)
        return Turn(request, deadline=now + seconds, began=now)

    async def run(self, turn: Turn) -> AsyncGenerator[TurnEvent]:
        """Yield the events of a turn, as `stream_turn`.

        Where pieces are asked for, the first one is stored before it is yielded; what the caller
        is told beyond that is stored by `tell`.
        """
        lock = self._locks.setdefault(turn.request.conversation, asyncio.Lock())
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
            if self._summaries is not None:
                self._summaries.note(turn)
            yield TurnDone(self.respond(turn))

    async def _answer(self, turn: Turn) -> AsyncGenerator[TextDelta | Sentence | ToolUsed]:
        request = turn.request
        async with turn.step("history"):
            turn.past = await self._history.load(request.conversation)
            turn.prompt = await self._find_prompt(request)
            tools = await self._find_tools(turn.prompt)
            if request.caller and self._callers is not None:
                turn.caller = request.caller
                turn.earlier = await self._callers.recall(request.caller, request.conversation)
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
            history=[*turn.earlier, *turn.past.messages],
            summary=turn.past.summary.text if turn.past.summary else "",
            language=turn.prompt.language,
            tools=tools,
            deadline=turn.deadline,
            pieces=request.pieces,
            telephone=Telephone(turn.prompt.actions, turn.prompt.transfers, request.control),
            phrase=turn.prompt.tool_phrase or "",
        )
        async with aclosing(self._agent.reply(question)) as events:
            while (event := await self._next(turn, events)) is not None:
                if isinstance(event, Sentence):
                    turn.answer = turn.answer or event.text
                    if not event.last:
                        await self._store(turn)
                else:
                    _note(turn, event)
                if isinstance(event, TextDelta | Sentence | ToolUsed):
                    yield event
        await self._store(turn)

    async def _store(self, turn: Turn) -> None:
        """Store the turn unless that is done: its number is taken while no other one can run."""
        if turn.stored is None:
            async with turn.step("store"):
                turn.stored = await self._keep(turn, turn.record())

    async def tell(self, turn: Turn, answer: str, deadline: float) -> None:
        """Store that the caller is told so much of an answer in pieces, until `deadline`.

        Raises:
            TurnError: the store refuses, or is too slow.
        """
        turn.answer = answer
        record = turn.record()
        if turn.stored is None or _said(turn.stored) != _said(record):
            async with turn.step("store", deadline=deadline):
                turn.stored = await self._keep(turn, record)

    async def _keep(self, turn: Turn, record: TurnRecord) -> TurnRecord:
        if turn.stored is None:
            await self._history.append(record)
        else:
            await self._history.amend(record)
        return record

    async def _find_prompt(self, request: TurnRequest) -> Prompt | None:
        found = await self._catalogue.find_prompt(request.prompt or DEFAULT_PROMPT)
        if request.prompt_content is None:
            return found
        if found is None and request.prompt is None:
            found = Prompt(DEFAULT_PROMPT, "")
        return found and replace(found, content=request.prompt_content, version=0)

    async def _find_tools(self, prompt: Prompt | None) -> Sequence[Tool | McpChoice]:
        if prompt is None or not prompt.tools:
            return ()
        tools = await self._catalogue.find_tools(prompt.tools)
        if missing := set(prompt.tools).difference(tool.name for tool in tools):
            logger.warning("tools_missing", prompt=prompt.name, tools=sorted(missing))
        return tools

    async def _next(self, turn: Turn, events: AsyncIterator[AgentEvent]) -> AgentEvent | None:
        """Return the agent's next event; `Turn.step` spelled out, as this runs for every token."""
        loop = asyncio.get_running_loop()
        began, step = loop.time(), turn.waits_for
        try:
            async with asyncio.timeout_at(turn.deadline):
                return await anext(events, None)
        except TimeoutError as error:
            raise TurnError(Status.TIMEOUT, f"{step}.timeout") from error
        finally:
            turn.steps[step] = turn.steps.get(step, 0.0) + loop.time() - began

    async def _failed(self, turn: Turn, error: TurnError) -> TurnResponse:
        """Store the failed turn if that is still possible, and say what the caller gets."""
        turn.give_up("timeout" if error.reason == "model.timeout" else "cancelled")
        turn.decision = Decision()
        if turn.stored is None:
            turn.answer = ""
        if turn.past is not None and not error.reason.startswith("store."):
            try:
                async with asyncio.timeout(RECORD_FAILURE):
                    await self._keep(turn, turn.record(error.status, error.reason))
            except (TurnError, TimeoutError):
                logger.warning("failed_turn_not_stored", conversation=turn.request.conversation.id)
        return self.respond(turn, error)

    def respond(self, turn: Turn, error: TurnError | None = None) -> TurnResponse:
        """Return what is known of a turn, or of its failure."""
        own = turn.prompt.fallback_text if turn.prompt else None
        return TurnResponse(
            status=error.status if error else Status.OK,
            text="" if error else turn.answer,
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
            asked=turn.asked,
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


def _lower(facts: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in facts.items()}


def _note(turn: Turn, event: AgentEvent) -> None:
    """Take note of what an event of the agent says of the turn."""
    match event:
        case TextDelta():
            so_far = turn.steps["model"] + turn.steps.get("tools", 0.0)
            turn.steps.setdefault("first_token", so_far)
            if turn.answering is None:
                turn.answering = asyncio.get_running_loop().time()
        case ToolUsed():
            turn.calls[event.call.id] = event.call
        case Asking():
            turn.begin_request(event)
        case Asked():
            turn.end_request(event)
        case FellBack():
            logger.warning("model_fallback", model=turn.model, reason=event.reason, to=event.model)
            turn.model = event.model
        case AgentDone():
            turn.usage, turn.decision = event.usage, event.decision
            turn.ended = asyncio.get_running_loop().time()
            if not turn.request.pieces:
                turn.answer = event.text
        case Sentence():
            pass


def _said(record: TurnRecord) -> tuple[str, Usage, Sequence[Asked]]:
    return record.answer, record.usage, record.asked
