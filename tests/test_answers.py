"""Answers in pieces: what is told when, what is stored of it, and when an answer is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from dialogari.answers import TOGETHER, Answers, Place
from dialogari.asked import Asked, Asking, Usage
from dialogari.conversation import Conversations
from dialogari.tool import Tool, ToolCall, ToolStatus, ToolUsed
from dialogari.turn import (
    AgentDone,
    AgentEvent,
    AgentRequest,
    CallFacts,
    ConversationKey,
    Past,
    Prompt,
    Sentence,
    Status,
    TextDelta,
    TurnDone,
    TurnError,
    TurnRecord,
    TurnRequest,
    TurnResponse,
)

KEY = ConversationKey("pbx", "c")
PLACE = Place("pbx", "channel-1")
QUESTION = TurnRequest("hello", KEY, call=CallFacts("channel-1"))
USAGE = Usage(3, 4)


@dataclass
class GatedAgent:
    """Says each sentence when it is let; says when it was closed."""

    sentences: Sequence[str] = ("One.", "Two.", "Three.")
    error: Exception | None = None
    """Raised in place of the last sentence."""
    calls: Sequence[ToolCall] = ()
    """That have ended before the first sentence."""
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    asked: list[AgentRequest] = field(default_factory=list[AgentRequest])
    closed: int = 0

    def let(self, sentences: int = 1) -> None:
        for _ in range(sentences):
            self.gate.release()

    def resolve(self, model: str | None) -> str:
        return model or "gated:m"

    async def reply(self, request: AgentRequest) -> AsyncGenerator[AgentEvent]:
        self.asked.append(request)
        began = asyncio.get_running_loop().time()
        try:
            yield Asking(request.model, began)
            for call in self.calls:
                yield ToolUsed(call)
            for number, sentence in enumerate(self.sentences, 1):
                await self.gate.acquire()
                last = number == len(self.sentences)
                if last and self.error is not None:
                    raise self.error
                yield TextDelta(sentence)
                yield Sentence(sentence, last)
            yield Asked(request.model, began, usage=USAGE)
            yield AgentDone(" ".join(self.sentences), USAGE)
        finally:
            self.closed += 1


@dataclass
class ListStore:
    """A history and a catalogue in lists, and what was done to them."""

    records: dict[int, TurnRecord] = field(default_factory=dict[int, TurnRecord])
    writes: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    """What was done, the answer, and the tokens of output."""
    error: TurnError | None = None
    wait: float = 0.0

    async def load(self, conversation: ConversationKey) -> Past:
        assert conversation == KEY
        return Past((), len(self.records))

    async def append(self, record: TurnRecord) -> None:
        assert record.number not in self.records
        await self._write("append", record)

    async def amend(self, record: TurnRecord) -> None:
        assert record.number in self.records
        await self._write("amend", record)

    async def _write(self, what: str, record: TurnRecord) -> None:
        await asyncio.sleep(self.wait)
        if self.error is not None:
            raise self.error
        self.records[record.number] = record
        self.writes.append((what, record.answer, record.usage.output_tokens))

    async def find_prompt(self, name: str) -> Prompt | None:
        return Prompt(name, "Be.", fallback_text="Own fallback.")

    async def find_tools(self, names: Sequence[str]) -> Sequence[Tool]:
        assert not names
        return ()


@dataclass
class Bench:
    """Answers with what is beneath them."""

    agent: GatedAgent
    store: ListStore
    answers: Answers

    async def next(self, seconds: float = 1.0) -> TurnResponse:
        now = asyncio.get_running_loop().time()
        return await self.answers.resume(PLACE, KEY, now + seconds)


@pytest.fixture
def agent() -> GatedAgent:
    """A model that writes nothing yet."""
    return GatedAgent()


@pytest.fixture
def store() -> ListStore:
    """An empty store."""
    return ListStore()


@pytest.fixture
async def bench(agent: GatedAgent, store: ListStore) -> AsyncGenerator[Bench]:
    """Answers with a short patience."""
    turns = Conversations(agent, store, store, deadline=20.0, fallback="Please hold.")
    answers = Answers(turns, idle_limit=0.3)
    async with answers.running():
        yield Bench(agent, store, answers)


async def until(condition: Callable[[], object]) -> None:
    """Wait until `condition()` is true."""
    async with asyncio.timeout(3):
        while not condition():
            await asyncio.sleep(0.005)


async def settled(bench: Bench) -> None:
    """Let the tasks of answers that are over come to their ends."""
    await bench.answers.wait_until_none()
    await asyncio.sleep(0.02)


async def test_piece_by_piece(bench: Bench) -> None:
    """Each is stored before it is told, and the tokens with the last."""
    bench.agent.let()
    first = await bench.answers.begin(QUESTION)
    assert (first.text, first.more, first.number, first.model) == ("One.", True, 1, "gated:m")
    assert bench.store.writes == [("append", "One.", 0)]

    bench.agent.let()
    second = await bench.next()
    assert (second.text, second.more) == ("Two.", True)
    assert bench.store.writes[1:] == [("amend", "One. Two.", 0)]

    bench.agent.let()
    third = await bench.next()
    assert (third.text, third.more, third.usage) == ("Three.", False, USAGE)
    assert bench.store.writes[2:] == [("amend", "One. Two. Three.", 4)]
    await settled(bench)
    assert len(bench.store.writes) == 3
    assert len(bench.answers) == 0
    assert (await bench.next()) == TurnResponse(Status.OK, conversation=KEY)


async def test_tool_calls_are_told_once(bench: Bench) -> None:
    """With the last piece, as the tokens are: who counts them counts them once."""
    bench.agent.calls = [ToolCall("c", "hours", {}, status=ToolStatus.OK)]

    bench.agent.let()
    pieces = [await bench.answers.begin(QUESTION)]
    for _ in range(2):
        bench.agent.let()
        pieces.append(await bench.next())

    assert [list(piece.tool_calls) for piece in pieces] == [[], [], bench.agent.calls]


async def test_one_sentence_is_the_whole_answer(bench: Bench) -> None:
    """It is told with the end of the turn, and stored once."""
    bench.agent.sentences = ("Yes.",)
    bench.agent.let()

    only = await bench.answers.begin(QUESTION)

    assert (only.text, only.more, only.usage) == ("Yes.", False, USAGE)
    await settled(bench)
    assert bench.store.writes == [("append", "Yes.", 4)]


async def test_what_is_ready_is_told_together(bench: Bench) -> None:
    """Up to so many characters; a sentence that is longer comes alone."""
    long, short = "x" * (TOGETHER + 100) + ".", "y" * 200 + "."
    bench.agent.sentences = ("One.", short, short, short, long, "End.")
    bench.agent.let()
    await bench.answers.begin(QUESTION)
    bench.agent.let(5)
    await asyncio.sleep(0.05)

    texts = [(await bench.next()).text for _ in range(4)]

    assert texts == [f"{short} {short}", short, long, "End."]
    assert bench.store.records[1].answer == " ".join(bench.agent.sentences)


async def test_nobody_comes_back(bench: Bench) -> None:
    """After the idle limit the model is told so; what was told stays, and nothing else."""
    bench.agent.let()
    await bench.answers.begin(QUESTION)

    await until(lambda: bench.agent.closed)

    await settled(bench)
    (record,) = bench.store.records.values()
    assert (record.answer, record.status) == ("One.", Status.OK)
    assert [(one.model, one.reason) for one in record.asked] == [("gated:m", "gated.cancelled")]
    assert record.asked[0].first_token is not None


async def test_nobody_comes_back_for_what_is_written(bench: Bench) -> None:
    """The tokens of the whole are stored, the sentences that nobody heard are not."""
    bench.agent.let()
    await bench.answers.begin(QUESTION)
    bench.agent.let(2)

    await settled(bench)

    assert bench.store.writes[-1][0] == "amend"
    assert (bench.store.records[1].answer, bench.store.records[1].usage) == ("One.", USAGE)
    assert bench.store.records[1].status is Status.OK


async def test_coming_back_in_time_starts_the_idle_limit_anew(bench: Bench) -> None:
    """It is no limit on the whole answer."""
    bench.agent.let()
    await bench.answers.begin(QUESTION)
    for _ in range(2):
        await asyncio.sleep(0.2)
        bench.agent.let()
        assert (await bench.next()).text


async def test_a_new_question_cancels_the_rest(bench: Bench) -> None:
    """It need not wait for the model that still writes, and counts as the next turn."""
    bench.agent.let()
    await bench.answers.begin(QUESTION)
    bench.agent.sentences = ("Other.",)
    bench.agent.let()

    second = await bench.answers.begin(QUESTION)

    assert (second.text, second.number, bench.agent.closed) == ("Other.", 2, 2)
    first, other = bench.store.records.values()
    assert (first.answer, other.answer) == ("One.", "Other.")
    assert ([one.reason for one in first.asked], [one.reason for one in other.asked]) == (
        ["gated.cancelled"],
        [""],
    )


async def test_a_drop_ends_the_model_and_calls_back(bench: Bench) -> None:
    """Once, and at once where the answer is over already."""
    over: list[int] = []
    bench.agent.let()
    await bench.answers.begin(QUESTION)
    bench.answers.when_over(PLACE, lambda: over.append(1))

    bench.answers.drop(PLACE)
    bench.answers.drop(PLACE)
    bench.answers.when_over(PLACE, lambda: over.append(2))

    assert over == [1, 2]
    await until(lambda: bench.agent.closed)
    assert (await bench.next()).text == ""


@pytest.mark.parametrize("visit", ["first", "second"])
async def test_a_visit_that_is_cancelled(bench: Bench, visit: str) -> None:
    """A caller who hangs up while he waits ends the model too."""
    if visit == "second":
        bench.agent.let()
        await bench.answers.begin(QUESTION)
    waiting = bench.answers.begin(QUESTION) if visit == "first" else bench.next()
    task = asyncio.ensure_future(waiting)
    await asyncio.sleep(0.05)
    task.cancel()

    await until(lambda: bench.agent.closed)
    assert len(bench.answers) == 0
    assert task.cancelled()


async def test_a_failure_after_the_first_piece(bench: Bench) -> None:
    """The next visit tells it; what was told stays in the record, what was ready does not."""
    bench.agent.error = TurnError(Status.MODEL_ERROR, "gated.drop")
    bench.agent.let()
    await bench.answers.begin(QUESTION)
    bench.agent.let(2)
    await asyncio.sleep(0.05)

    failed = await bench.next()

    assert (failed.status, failed.reason, failed.more) == (
        *(Status.MODEL_ERROR, "gated.drop"),
        False,
    )
    assert (failed.text, failed.fallback_text) == ("", "Own fallback.")
    await settled(bench)
    record = bench.store.records[1]
    assert (record.answer, record.status, record.reason) == (
        *("One.", Status.MODEL_ERROR),
        "gated.drop",
    )
    assert (await bench.next()).status is Status.OK


async def test_a_failure_before_the_first_piece(bench: Bench) -> None:
    """It is told as in any turn."""
    bench.agent.sentences, bench.agent.error = ("x",), TurnError(Status.MODEL_ERROR, "gated.drop")
    bench.agent.let()

    failed = await bench.answers.begin(QUESTION)

    assert (failed.status, failed.more) == (Status.MODEL_ERROR, False)
    assert [r.answer for r in bench.store.records.values()] == [""]


async def test_the_deadline_is_that_of_the_whole(bench: Bench) -> None:
    """A model that stops writing after the first piece is a `timeout` at the turn's deadline."""
    bench.agent.let()
    await bench.answers.begin(TurnRequest("hello", KEY, call=CallFacts("channel-1"), timeout=0.2))

    late = await bench.next()

    assert (late.status, late.reason) == (Status.TIMEOUT, "model.timeout")
    assert bench.store.records[1].answer == "One."


async def test_a_store_that_refuses_a_piece(bench: Bench) -> None:
    """What can't be stored is not told, and the answer is over."""
    bench.agent.let()
    await bench.answers.begin(QUESTION)
    bench.store.error = TurnError(Status.ERROR, "store.disk_full")
    bench.agent.let()

    failed = await bench.next()

    assert (failed.status, failed.reason, failed.text) == (Status.ERROR, "store.disk_full", "")
    await until(lambda: bench.agent.closed)


async def test_a_store_that_is_slow(bench: Bench) -> None:
    """A piece waits for it until the deadline of its visit."""
    bench.agent.let()
    await bench.answers.begin(QUESTION)
    bench.store.wait = 5
    bench.agent.let()

    failed = await bench.next(0.1)

    assert (failed.status, failed.reason) == (Status.TIMEOUT, "store.timeout")


async def test_two_channels_of_one_conversation(bench: Bench) -> None:
    """The second one waits for the first one's model, not for its caller to fetch all."""
    bench.agent.let()
    await bench.answers.begin(QUESTION)
    beside = TurnRequest("hello", KEY, call=CallFacts("channel-2"))

    asking = asyncio.ensure_future(bench.answers.begin(beside))
    await asyncio.sleep(0.02)
    assert len(bench.agent.asked) == 1
    bench.agent.let(3)
    other = await asking

    assert (other.text, other.number, other.more) == ("One.", 2, True)
    bench.agent.let(2)
    assert (await bench.next()).text == "Two. Three."
    await asyncio.sleep(0.02)
    now = asyncio.get_running_loop().time()
    rest = await bench.answers.resume(Place("pbx", "channel-2"), KEY, now + 1)
    assert (rest.text, rest.number, rest.more) == ("Two. Three.", 2, False)


async def test_the_end_drops_all(agent: GatedAgent, store: ListStore) -> None:
    """Leaving `running` ends every model; nothing is left behind."""
    answers = Answers(Conversations(agent, store, store, deadline=5.0, fallback=""))
    agent.let()
    async with answers.running():
        await answers.begin(QUESTION)

    assert (agent.closed, len(answers)) == (1, 0)


async def test_the_stream_tells_sentences(agent: GatedAgent, store: ListStore) -> None:
    """`stream_turn` with pieces yields them beside the deltas, the first one stored."""
    turns = Conversations(agent, store, store, deadline=1.0, fallback="")
    agent.let(3)
    request = TurnRequest("hello", KEY, pieces=True)
    seen: list[object] = []
    async with aclosing(turns.stream_turn(request)) as events:
        async for event in events:
            if event == Sentence("One."):
                assert store.writes == [("append", "One.", 0)]
            seen.append(event)

    assert [e for e in seen if isinstance(e, Sentence)] == [
        *(Sentence("One."), Sentence("Two.")),
        Sentence("Three.", last=True),
    ]
    assert isinstance(seen[-1], TurnDone)
    assert agent.asked[0].pieces
