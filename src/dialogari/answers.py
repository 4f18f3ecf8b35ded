"""Answers in pieces: the caller hears the first sentence while the model still writes the rest.

A call comes for each piece anew: its question brings the first, and each `AI_CONTINUE` the next.
Between two visits nothing of it is left in the bridge but its answer, which is kept here by the
call's channel. An answer is over when

    its last piece is fetched, or a piece can't be told for a failure
    the caller hangs up or asks something new (`drop`)
    nobody has come for the next piece for `IDLE_LIMIT` seconds

and then its model is told so, if it still writes. The model writes until the turn's deadline, as
in any turn. Each piece is stored as told before it is handed out; what is never fetched is not
stored, so that the model does not believe it has said what nobody heard.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import structlog

from dialogari.asked import Usage
from dialogari.task_group import entered
from dialogari.telephone import Decision
from dialogari.turn import Sentence, Status, TurnDone, TurnError, TurnResponse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from dialogari.conversation import Conversations
    from dialogari.running import Turn
    from dialogari.turn import ConversationKey, TurnEvent, TurnRequest

IDLE_LIMIT: Final = 120.0
"""Seconds for which an answer waits for its next piece to be fetched: longer than any is spoken."""
TOGETHER: Final = 600
"""Characters of sentences that are told together where they are ready: some 40 seconds of speech.
A longer sentence is told alone."""
SETTLE_LIMIT: Final = 2.0
"""Seconds for storing what an answer cost, once it is over or dropped."""

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.answers")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer is told: a channel, whose ids repeat between Asterisk servers."""

    server: str
    channel: str


@dataclass(slots=True)
class _Answer:
    """One answer: what is ready of it, and what the caller has been told."""

    turn: Turn
    ready: list[str] = field(default_factory=list[str])
    told: list[str] = field(default_factory=list[str])
    done: TurnResponse | None = None
    """What came of the turn, once the model has written all or failed."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    idle: asyncio.TimerHandle | None = None
    endings: list[Callable[[], None]] = field(default_factory=list["Callable[[], None]"])
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Something can be told: a sentence after which more comes, or the end."""

    def take(self) -> str:
        """Return the sentences that are told next; they are no longer ready."""
        taken: list[str] = []
        size = 0
        while self.ready and (not taken or size + len(self.ready[0]) <= TOGETHER):
            size += len(self.ready[0]) + 1
            taken.append(self.ready.pop(0))
        if not self.ready and self.done is None:
            self.changed.clear()
        self.told += taken
        return " ".join(taken)


class Answers:
    """The answers in pieces that are running, one for each channel; works within `running`."""

    def __init__(self, conversations: Conversations, *, idle_limit: float = IDLE_LIMIT) -> None:
        self._conversations = conversations
        self._idle_limit = idle_limit
        self._answers: dict[Place, _Answer] = {}
        self._tasks = asyncio.TaskGroup()
        self._none = asyncio.Event()
        self._none.set()

    def __len__(self) -> int:
        """How many are running."""
        return len(self._answers)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Work for the length of the block; what still runs at its end is dropped."""
        async with entered(self._tasks):
            try:
                yield
            finally:
                for place in list(self._answers):
                    self.drop(place)

    async def wait_until_none(self) -> None:
        """Wait, without a limit of its own, until no answer is running."""
        await self._none.wait()

    async def begin(self, request: TurnRequest) -> TurnResponse:
        """Take a turn and return its first piece. Never raises, but for cancellation.

        Cancelled, the turn is dropped.
        """
        place = Place(request.conversation.server, request.call.channel_id)
        self.drop(place)
        turn = self._conversations.begin(replace(request, pieces=True))
        answer = self._answers[place] = _Answer(turn)
        self._none.clear()
        answer.task = self._tasks.create_task(self._listen(answer), name="answer in pieces")
        return await self._tell(place, answer, turn.deadline)

    async def resume(
        self, place: Place, conversation: ConversationKey, deadline: float
    ) -> TurnResponse:
        """Return the next piece of a channel's answer; empty where there is none in progress.

        Never raises, but for cancellation, and then the answer is dropped.

        Args:
            place: The channel.
            conversation: The one that the answer belongs to.
            deadline: Until when it must be stored, on the loop's clock.
        """
        answer = self._answers.get(place)
        if answer is None or answer.turn.request.conversation != conversation:
            return TurnResponse(Status.OK, conversation=conversation)
        return await self._tell(place, answer, deadline)

    def drop(self, place: Place) -> None:
        """End the answer of a channel, if it has one: nobody will hear more of it."""
        answer = self._answers.get(place)
        if answer is not None:
            self._end(place, answer)

    def when_over(self, place: Place, ending: Callable[[], None]) -> None:
        """Call back when the answer of a channel is over; at once where there is none."""
        answer = self._answers.get(place)
        if answer is None:
            ending()
        else:
            answer.endings.append(ending)

    async def _listen(self, answer: _Answer) -> None:
        """Take what the model writes, and wait until the answer is over; cancelled if dropped."""
        try:
            async with aclosing(self._conversations.run(answer.turn)) as events:
                async for event in events:
                    _take_note(answer, event)
            await answer.over.wait()
        finally:
            await self._settle(answer)

    async def _settle(self, answer: _Answer) -> None:
        """Store what has come to light since a piece was told last."""
        turn = answer.turn
        if answer.done is None:
            turn.give_up("cancelled")
        elif answer.done.status is not Status.OK:
            return  # stored with the failure
        if turn.stored is None:
            return
        deadline = asyncio.get_running_loop().time() + SETTLE_LIMIT
        try:
            await self._conversations.tell(turn, " ".join(answer.told), deadline)
        except TurnError as error:
            logger.warning("answer_not_settled", reason=error.reason)

    async def _tell(self, place: Place, answer: _Answer, deadline: float) -> TurnResponse:
        if answer.idle is not None:
            answer.idle.cancel()
        try:
            await answer.changed.wait()
            response = await self._next(answer, deadline)
        except BaseException:
            self._end(place, answer)
            raise
        if response.more:
            loop = asyncio.get_running_loop()
            answer.idle = loop.call_later(self._idle_limit, self._expire, place, answer)
        else:
            self._end(place, answer)
        return response

    async def _next(self, answer: _Answer, deadline: float) -> TurnResponse:
        if answer.done is not None and answer.done.status is not Status.OK:
            return answer.done
        text = answer.take()
        try:
            await self._conversations.tell(answer.turn, " ".join(answer.told), deadline)
        except TurnError as error:
            return self._conversations.respond(answer.turn, error)
        more = bool(answer.ready) or answer.done is None
        response = replace(self._conversations.respond(answer.turn), text=text, more=more)
        if not more:
            return response
        # What the turn cost and decided is told once, with its last piece.
        return replace(response, usage=Usage(), asked=(), tool_calls=(), decision=Decision())

    def _expire(self, place: Place, answer: _Answer) -> None:
        logger.info("answer_not_fetched", conversation=answer.turn.request.conversation.id)
        self._end(place, answer)

    def _end(self, place: Place, answer: _Answer) -> None:
        """Take note that it is over; a second time it does nothing."""
        if answer.over.is_set():
            return
        answer.over.set()
        if self._answers.get(place) is answer:
            del self._answers[place]
        if not self._answers:
            self._none.set()
        if answer.idle is not None:
            answer.idle.cancel()
        if answer.done is None and answer.task is not None:
            answer.task.cancel()  # its model still writes
        for ending in answer.endings:
            ending()


def _take_note(answer: _Answer, event: TurnEvent) -> None:
    match event:
        case Sentence():
            answer.ready.append(event.text)
            if not event.last:
                answer.changed.set()
        case TurnDone():
            answer.done = event.response
            answer.changed.set()
        case _:
            pass
