"""Summaries of long conversations, made behind the caller's back: a turn never waits for one.

When a turn has been answered and the next one could not be told all that was said, the oldest part
is summarised and the summary stored; from then on it is told in place of those turns. The next one
is made of it and of what fell out since. About half of what a model is told stays as it was said,
so that it takes a while until there is too much again.

What goes wrong costs a line in the log: the next turn tries again, and is told what fits.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import structlog

from dialogari.remembered import Summary
from dialogari.task_group import entered
from dialogari.turn import AgentRequest, Message, Role, TurnError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.parts import Summarist, SummaryShelf
    from dialogari.running import Turn
    from dialogari.turn import ConversationKey, Past

LIMIT: Final = 30.0
"""Seconds for one summary, its storing included."""
AT_ONCE: Final = 4
"""Summaries that are made at the same time; a conversation beyond them waits for its next turn."""

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.summaries")


class Summaries:
    """Has conversations summarised; works within `running`."""

    def __init__(self, summarist: Summarist, shelf: SummaryShelf) -> None:
        self._summarist = summarist
        self._shelf = shelf
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()
        self._at_work: set[ConversationKey] = set()
        self._open = False

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Work for the length of the block; what is still being made at its end is dropped."""
        async with entered(self._tasks):
            self._open = True
            try:
                yield
            finally:
                self._open = False
                for task in self._running:
                    task.cancel()

    def note(self, turn: Turn) -> None:
        """Have summarised what the turn after this one can't be told in full; returns at once."""
        if self._open and turn.past is not None and turn.past.messages:
            task = self._tasks.create_task(self._look(turn, turn.past), name="summary")
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _look(self, turn: Turn, past: Past) -> None:
        conversation = turn.request.conversation
        if conversation in self._at_work or len(self._at_work) >= AT_ONCE:
            return
        self._at_work.add(conversation)
        deadline = asyncio.get_running_loop().time() + LIMIT
        try:
            async with asyncio.timeout_at(deadline):
                await self._summarize(turn, past, deadline)
        except TurnError as error:
            logger.warning("summary_failed", conversation=conversation.id, reason=error.reason)
        except TimeoutError:
            logger.warning("summary_failed", conversation=conversation.id, reason="timeout")
        except Exception:  # the task's boundary: no conversation needs its summary to go on
            logger.exception("summary_fault")
        finally:
            self._at_work.discard(conversation)

    async def _summarize(self, turn: Turn, past: Past, deadline: float) -> None:
        newest = (
            Message(Role.CALLER, turn.request.text),
            Message(Role.ASSISTANT, turn.answer, turn.ended_calls),
        )
        too_many = self._summarist.overflow([*past.messages, *newest])
        fallen = past.messages[: min(too_many, len(past.messages))]
        if not fallen:
            return
        request = AgentRequest(
            question="",
            instructions="",
            model=turn.model,
            history=fallen,
            summary=past.summary.text if past.summary else "",
            language=turn.prompt.language if turn.prompt else None,
            deadline=deadline,
        )
        text = await self._summarist.summarize(request)
        since = past.summary.since if past.summary else past.marks[0].started
        last = past.marks[len(fallen) // 2 - 1].number
        await self._shelf.keep_summary(turn.request.conversation, Summary(text, last, since))
