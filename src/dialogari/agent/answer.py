"""The agent: asks a model, runs the tools it asks for, and streams its answer.

Plays `dialogari.parts.Agent`. Whatever goes wrong leaves as a `TurnError` with a reason of our own:
what servers write into their errors may hold keys and callers' words.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from pydantic_ai.messages import ModelRequest

from dialogari.agent.calls import ANNOUNCED_AFTER, Calls, tell
from dialogari.agent.fallback import plan
from dialogari.agent.health import Healths, Standing
from dialogari.agent.reasons import LATE, SKIPPED, TOO_MANY_CALLS, reason_for_silence
from dialogari.agent.request import Request, has_words
from dialogari.agent.speech import SpokenPieces, make_speakable
from dialogari.agent.telephone import Notes, phone_tools
from dialogari.agent.transcript import open_transcript
from dialogari.asked import Asked, Asking, add_up
from dialogari.tool import McpChoice, Tool, ToolUsed
from dialogari.turn import (
    AgentDone,
    FellBack,
    Sentence,
    Status,
    TextDelta,
    TurnError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Iterator, Sequence

    from dialogari.agent.fallback import Attempt, Fallback
    from dialogari.agent.mcp.servers import McpServers
    from dialogari.agent.models import Models
    from dialogari.agent.tools import AgentTool, HttpTools
    from dialogari.agent.transcript import Transcript
    from dialogari.tool import ToolCall
    from dialogari.turn import AgentEvent, AgentRequest

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.agent")


class ModelAgent:
    """Answers with the models it is given; where one fails before a word, with the fallback.

    `tools` and `servers` make the tools of a request ready; None: there are none of that kind.
    `history_tokens`: how much of the conversation so far a model is told.
    """

    def __init__(
        self,
        models: Models,
        fallback: Fallback | None = None,
        tools: HttpTools | None = None,
        servers: McpServers | None = None,
        history_tokens: int = 4000,
    ) -> None:
        self._models = models
        self._fallback = fallback
        self._tools = tools
        self._servers = servers
        self._history_tokens = history_tokens
        self._healths = Healths()

    def resolve(self, model: str | None) -> str:
        """Return `provider:model`. Raises TurnError `unknown_model`."""
        return self._models.resolve(model)

    @property
    def skipped(self) -> Collection[str]:
        """The models that turns go past now, as they failed lately: `provider:model`."""
        if self._fallback is None:
            return ()
        return self._healths.skipped(asyncio.get_running_loop().time())

    async def reply(self, request: AgentRequest) -> AsyncGenerator[AgentEvent]:
        """Stream the answer, then `AgentDone`. Raises TurnError."""
        notes = Notes()
        # Of two tools with one name the last counts: nothing stands in for the telephone's.
        offered = (*await self._prepare(request), *phone_tools(request.telephone, notes))
        # One for all attempts: what tools have done is done, whichever model goes on.
        transcript = open_transcript(
            request, Calls(offered, request.deadline), self._history_tokens
        )
        attempts = self._plan(request.model)
        if attempts[0].model != request.model:
            skipped = f"{self._models.provider(request.model).name}.{SKIPPED}"
            yield Asked(request.model, asyncio.get_running_loop().time(), reason=skipped)
            yield FellBack(attempts[0].model, skipped)
        for attempt, following in zip(attempts, (*attempts[1:], None), strict=True):
            pieces = SpokenPieces(request.language) if request.pieces else None
            answer = _Answer(attempt, self._models, transcript, request.language, pieces)
            try:
                async with aclosing(answer.read()) as events:
                    async for event in events:
                        yield event
            except TurnError as error:
                self._note_failure(attempt.model, error.reason)
                yield transcript.count(answer.request.account(error.reason))
                if answer.begun or following is None:
                    raise
                yield FellBack(following.model, error.reason)
            except asyncio.CancelledError:
                # A caller who hangs up says nothing of the model, a turn that ran out of time does.
                if asyncio.get_running_loop().time() >= request.deadline:
                    self._note_failure(attempt.model, LATE)
                raise
            else:
                if self._healths.answered(attempt.model):
                    logger.info("model_trusted_again", model=attempt.model)
                yield AgentDone(answer.text, add_up(transcript.asked), notes.read())
                return

    async def _prepare(self, request: AgentRequest) -> Sequence[AgentTool]:
        chosen = [tool for tool in request.tools if isinstance(tool, McpChoice)]
        rows = [tool for tool in request.tools if isinstance(tool, Tool)]
        return [
            *(await self._servers.prepare(chosen) if self._servers else ()),
            *(self._tools.prepare(rows) if self._tools else ()),
        ]

    def _plan(self, model: str) -> Sequence[Attempt]:
        now = asyncio.get_running_loop().time()
        named = {model} if self._fallback is None else {model, self._fallback.model}
        standings = {name: self._healths.judge(name, now) for name in named}
        if standings[model] is Standing.DUE:
            self._healths.probe(model, now)
        skipped = {name for name in named if standings[name] is Standing.SKIPPED}
        patient = self._models.provider(model).patient
        return plan(model, self._fallback, patient=patient, skipped=skipped)

    def _note_failure(self, model: str, reason: str) -> None:
        pause = self._healths.failed(model, reason, asyncio.get_running_loop().time())
        if pause and self._fallback is not None:
            logger.warning("model_skipped", model=model, reason=reason, seconds=pause)


@dataclass(slots=True)
class _Answer:
    """One model's attempt at an answer, in as many requests as it needs tools."""

    attempt: Attempt
    models: Models
    transcript: Transcript
    language: str | None
    pieces: SpokenPieces | None
    """Where its sentences come from, if they are asked for."""
    request: Request = field(init=False)
    """The one that is running or ended last."""
    begun: bool = False
    """Words of it have been handed on."""
    text: str = ""
    _written: str = ""
    _sentences: int = 0
    _parted: bool = False
    """Tools have been asked since the last word."""

    def __post_init__(self) -> None:
        self.request = self._ask()

    async def read(self) -> AsyncGenerator[TextDelta | Sentence | ToolUsed | Asking | Asked]:
        """Yield text, tool calls, each request, and again if it ended well; then `text` is there.

        Raises TurnError, of `request`.
        """
        while True:
            request = self.request = self._ask()
            yield Asking(self.attempt.model, asyncio.get_running_loop().time())
            async with aclosing(self._say(request)) as pieces:
                async for piece in pieces:
                    yield piece
            if not request.calls_tools:
                break
            if not self.transcript.calls.allowed:
                raise TurnError(Status.MODEL_ERROR, f"{request.provider}.{TOO_MANY_CALLS}")
            yield self.transcript.count(request.account())
            async with aclosing(self._use_tools(request)) as uses:
                async for use in uses:
                    yield use
        self.text = make_speakable(self._written, self.language)
        if not self.text:
            raise TurnError(
                Status.MODEL_ERROR, reason_for_silence(request.provider, request.finish_reason)
            )
        yield self.transcript.count(request.account())
        if not self.begun:  # a sign that is said by its name, an emoji
            yield TextDelta(self._written)
        for sentence in self._rest():
            yield sentence

    def _ask(self) -> Request:
        return Request(self.attempt, self.models, self.transcript.messages, self.transcript.calls)

    async def _say(self, request: Request) -> AsyncGenerator[TextDelta | Sentence]:
        """Hand on the words of one request, from the first one that can be said."""
        kept = ""
        async with aclosing(request.read()) as pieces:
            async for piece in pieces:
                kept += piece
                if not self.begun and not has_words(kept):
                    continue
                if kept:
                    self.begun = True
                    delta = self._write(kept)
                    yield delta
                    for sentence in self.pieces.feed(delta.text) if self.pieces else ():
                        self._sentences += 1
                        yield Sentence(sentence)
                    kept = ""
        self._written += kept

    def _write(self, piece: str) -> TextDelta:
        if self._parted and not piece[0].isspace():
            piece = f" {piece}"  # what was said before a tool was asked is a sentence of its own
        self._parted = False
        self._written += piece
        return TextDelta(piece)

    def _rest(self) -> Iterator[Sentence]:
        """Return the sentences that only the end completes."""
        if self.pieces is None:
            return
        rest = self.pieces.flush()
        if not rest and not self._sentences:
            rest = [self.text]  # what has no letter is no sentence, and may be said by its name
        for sentence in rest:
            yield Sentence(sentence, last=True)

    async def _use_tools(self, request: Request) -> AsyncGenerator[Sentence | ToolUsed]:
        """Run what the model asks for; it and the outcomes join the transcript together."""
        # Said before a tool is asked, `Let me see.` is for the time that the tool takes.
        for sentence in self.pieces.flush() if self.pieces else ():
            self._sentences += 1
            yield Sentence(sentence)
        calls = self.transcript.calls
        response, asked = calls.read(request.response)
        for call in asked:
            yield ToolUsed(call)
        async with calls.running(asked) as running:
            if await self._wants_announcing(running):
                yield Sentence(self.transcript.take_phrase())
            ended = await running
        for call in ended:
            yield ToolUsed(call)
        self._parted = bool(self._written) and not self._written[-1].isspace()
        self.transcript.messages += (response, ModelRequest(parts=tell(ended)))

    async def _wants_announcing(self, tools: asyncio.Task[Sequence[ToolCall]]) -> bool:
        """Return whether tools are slow, and the caller has heard nothing yet in this turn.

        A phrase counts as no sentence of the answer: all that the model says comes after it.
        """
        if self._sentences or not self.transcript.phrase:
            return False
        ended, _ = await asyncio.wait([tools], timeout=ANNOUNCED_AFTER)
        return not ended
