"""A turn that is running: what is known of it so far, and the record that the store gets of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dialogari.asked import Asked, Usage, add_up
from dialogari.telephone import Decision
from dialogari.tool import ToolCall, ToolStatus
from dialogari.turn import Status, TurnError, TurnRecord

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from dialogari.asked import Asking
    from dialogari.turn import Message, Past, Prompt, TurnRequest

DEFAULT_PROMPT = "default"
MOST_KEPT = 50
"""Facts that models keep in one conversation; beyond them the oldest are dropped."""


@dataclass(slots=True)
class Turn:
    """What is known of a running turn so far."""

    request: TurnRequest
    deadline: float
    began: float
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    past: Past | None = None
    prompt: Prompt | None = None
    model: str = ""
    answer: str = ""
    """Where pieces were asked for, what the caller has been told of it."""
    stored: TurnRecord | None = None
    ended: float | None = None
    """When the model had written its last word."""
    usage: Usage = field(default_factory=Usage)
    decision: Decision = field(default_factory=Decision)
    steps: dict[str, float] = field(default_factory=dict[str, float])
    calls: dict[str, ToolCall] = field(default_factory=dict[str, ToolCall])
    """In the order in which the model asked for them."""
    asked: list[Asked] = field(default_factory=list[Asked])
    asking: Asking | None = None
    """The request to a model that is running."""
    answering: float | None = None
    """When that one's first word came."""
    caller: str = ""
    earlier: Sequence[Message] = ()
    """What was said in earlier calls of this caller."""

    @asynccontextmanager
    async def step(
        self, name: str, late: Status = Status.TIMEOUT, deadline: float | None = None
    ) -> AsyncGenerator[None]:
        """Time a step and end it at the deadline, the turn's unless another is given."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout_at(deadline or self.deadline):
                yield
        except TimeoutError as error:
            reason = f"{name}.{'busy' if late is Status.BUSY else 'timeout'}"
            raise TurnError(late, reason) from error
        finally:
            self.steps[name] = self.steps.get(name, 0.0) + loop.time() - began

    @property
    def ended_calls(self) -> Sequence[ToolCall]:
        """The tool calls of which something came."""
        return [c for c in self.calls.values() if c.status is not ToolStatus.RUNNING]

    @property
    def waits_for(self) -> str:
        """The step that time goes to now, while the agent is at work."""
        running = any(c.status is ToolStatus.RUNNING for c in self.calls.values())
        return "tools" if running else "model"

    @property
    def number(self) -> int:
        """Its number in its conversation; 0: not known yet."""
        return self.past.turns + 1 if self.past else 0

    @property
    def kept(self) -> dict[str, str]:
        """The facts of the conversation by now; one that is empty is not kept."""
        all_facts = {**(self.past.kept if self.past else {}), **self.decision.facts}
        kept = [(name, value) for name, value in all_facts.items() if value]
        return dict(kept[-MOST_KEPT:])

    def begin_request(self, asking: Asking) -> None:
        """Take note of a request to a model that begins."""
        self.asking, self.answering = asking, None

    def end_request(self, asked: Asked) -> None:
        """Take note of a request that ended, or was not made."""
        self.asked.append(asked)
        self.asking = None

    def give_up(self, why: str) -> None:
        """Count the request that still runs, if there is one: nobody waits for it any longer."""
        if (asking := self.asking) is not None:
            provider = asking.model.partition(":")[0]
            first = None if self.answering is None else self.answering - asking.began
            seconds = asyncio.get_running_loop().time() - asking.began
            self.end_request(Asked(asking.model, asking.began, seconds, first, f"{provider}.{why}"))
        self.usage = add_up(self.asked)

    def record(self, status: Status = Status.OK, reason: str = "") -> TurnRecord:
        """Return what the store keeps of it as it is now."""
        return TurnRecord(
            conversation=self.request.conversation,
            number=self.number,
            question=self.request.text,
            answer=self.answer,
            status=status,
            reason=reason,
            prompt=self.request.prompt or DEFAULT_PROMPT,
            prompt_version=self.prompt.version if self.prompt else 0,
            model=self.model,
            facts=self.request.facts,
            usage=self.usage,
            started=self.started,
            seconds=(self.ended or asyncio.get_running_loop().time()) - self.began,
            tool_calls=self.ended_calls,
            asked=tuple(self.asked),
            caller=self.caller,
            kept=self.kept,
        )
