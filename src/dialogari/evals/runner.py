"""Holds the conversations of a file with one model, by the same way in as a call.

Nothing is kept: what is said is remembered for the length of a conversation, not in the store.
Tools are called in earnest.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dialogari.conversation import Conversations
from dialogari.evals.cases import Result
from dialogari.evals.checks import find_faults, simplify
from dialogari.running import DEFAULT_PROMPT
from dialogari.turn import (
    AgentDone,
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
    from collections.abc import AsyncGenerator, Sequence

    from dialogari.evals.cases import Expected, Line, Suite, Talk
    from dialogari.parts import Agent, Catalogue
    from dialogari.tool import McpChoice, Tool
    from dialogari.turn import TurnRecord, TurnResponse

PLAYED_FOR: Final = 120.0
"""Seconds that the model which plays the caller, or judges, may take."""
_OVER: Final = "DONE"
_CALLER: Final = f"""\
You play a person who telephones. {{goal}}
Say what this person says next: one short sentence, nothing else. Never play the other side.
When you have what you want, or see that you will not get it, answer only: {_OVER}"""
_JUDGE: Final = """\
You judge what a telephone assistant said. Answer the question with yes or no, nothing else."""


@dataclass(slots=True)
class Scratch:
    """Plays `History` and `Catalogue`: its own conversations, the store's prompts.

    `content`: the text of the one prompt there is then.
    """

    catalogue: Catalogue
    content: str | None = None
    language: str | None = None
    records: list[TurnRecord] = field(default_factory=list["TurnRecord"])

    async def load(self, conversation: ConversationKey) -> Past:
        """Return what was said in a conversation of this run."""
        own = [record for record in self.records if record.conversation == conversation]
        messages: list[Message] = []
        for record in own:
            if record.status is Status.OK:
                messages.append(Message(Role.CALLER, record.question))
                messages.append(Message(Role.ASSISTANT, record.answer, record.tool_calls))
        return Past(messages, len(own))

    async def append(self, record: TurnRecord) -> None:
        """Keep a turn for the length of this run."""
        self.records.append(record)

    async def amend(self, record: TurnRecord) -> None:
        """Keep a turn in place of the one of its number."""
        turns = [(one.conversation, one.number) for one in self.records]
        self.records[turns.index((record.conversation, record.number))] = record

    async def find_prompt(self, name: str) -> Prompt | None:
        """Return the file's prompt, or the store's."""
        if self.content is None:
            return await self.catalogue.find_prompt(name)
        return Prompt(name, self.content, language=self.language)

    async def find_tools(self, names: Sequence[str]) -> Sequence[Tool | McpChoice]:
        """Return the store's tools."""
        return await self.catalogue.find_tools(names)


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs files. `judge`: `provider:model` that judges and plays callers; None: the default."""

    agent: Agent
    catalogue: Catalogue
    deadline: float
    judge: str | None = None

    async def run(self, suite: Suite, model: str | None) -> AsyncGenerator[Result]:
        """Yield what came of each line and each simulated call, in order."""
        scratch = Scratch(self.catalogue, suite.content, suite.language)
        conversations = Conversations(
            self.agent, scratch, scratch, deadline=self.deadline, fallback=""
        )
        for number, talk in enumerate(suite.talks):
            place = _Place(suite, talk, model, ConversationKey("eval", str(number)))
            if talk.goal:
                yield await self._simulate(conversations, place)
                continue
            for line in talk.lines:
                yield await self._ask(conversations, place, line)

    async def _ask(self, conversations: Conversations, place: _Place, line: Line) -> Result:
        response, ms = await _take(conversations, place.request(line.say))
        said = [(line.say, response.text)]
        faults = await self._judge(line.expected, said, [response], ms)
        return place.result(line.say, response.text, ms, faults, [response])

    async def _simulate(self, conversations: Conversations, place: _Place) -> Result:
        said: list[tuple[str, str]] = []
        responses: list[TurnResponse] = []
        slowest = 0.0
        for _ in range(place.talk.turns):
            words = await self._say(place.talk, said)
            if not words or simplify(_OVER) in simplify(words).split():
                break
            response, ms = await _take(conversations, place.request(words))
            said.append((words, response.text))
            responses.append(response)
            slowest = max(slowest, ms)
        faults = await self._judge(place.talk.expected, said, responses, slowest)
        if not said:
            faults = ["the simulated caller said nothing", *faults]
        answers = " / ".join(answer for _, answer in said)
        return place.result(place.talk.goal, answers, slowest, faults, responses)

    async def _say(self, talk: Talk, said: Sequence[tuple[str, str]]) -> str:
        """Return what the simulated caller says next: it hears answers, and speaks questions."""
        heard = ["(Somebody answers the telephone.)", *(answer for _, answer in said)]
        history: list[Message] = []
        for words, (spoken, _) in zip(heard, said, strict=False):
            history += (Message(Role.CALLER, words), Message(Role.ASSISTANT, spoken))
        return await self._play(_CALLER.format(goal=talk.goal), heard[-1], history)

    async def _judge(
        self,
        expected: Expected,
        said: Sequence[tuple[str, str]],
        responses: Sequence[TurnResponse],
        ms: float,
    ) -> Sequence[str]:
        failed = [f"{one.status}: {one.reason}" for one in responses if one.status is not Status.OK]
        if failed:
            return failed
        calls = [call for one in responses for call in one.tool_calls]
        faults = find_faults(expected, " ".join(answer for _, answer in said), calls, ms)
        if not expected.judge:
            return faults
        told = "\n".join(f"Caller: {words}\nAssistant: {answer}" for words, answer in said)
        verdict = await self._play(_JUDGE, f"{told}\n\nQuestion: {expected.judge} Yes or no?", [])
        if simplify(verdict).startswith(("yes", "si")):
            return faults
        return [*faults, f"the judge says {verdict[:60]!r} to {expected.judge!r}"]

    async def _play(self, instructions: str, question: str, history: Sequence[Message]) -> str:
        """Return what the judging model says; empty where it fails."""
        model = self.agent.resolve(self.judge)
        request = AgentRequest(question, instructions, model, history=history)
        try:
            async with (
                asyncio.timeout(PLAYED_FOR),
                aclosing(self.agent.reply(request)) as events,
            ):
                async for event in events:
                    if isinstance(event, AgentDone):
                        return event.text
        except (TurnError, TimeoutError):
            pass
        return ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the run we are."""

    suite: Suite
    talk: Talk
    model: str | None
    conversation: ConversationKey

    def request(self, words: str) -> TurnRequest:
        return TurnRequest(
            words,
            self.conversation,
            prompt=self.suite.prompt or DEFAULT_PROMPT,
            model=self.model,
            facts=self.talk.facts,
        )

    def result(
        self,
        said: str,
        answer: str,
        ms: float,
        faults: Sequence[str],
        responses: Sequence[TurnResponse],
    ) -> Result:
        costs = [one.usage.cost for one in responses]
        known = [one for one in costs if one is not None]
        return Result(
            model=self.model or "",
            file=self.suite.file,
            talk=self.talk.name,
            said=said,
            answer=answer,
            ms=ms,
            faults=faults,
            cost=sum(known) if known and len(known) == len(costs) else None,
        )


async def _take(conversations: Conversations, request: TurnRequest) -> tuple[TurnResponse, float]:
    loop = asyncio.get_running_loop()
    began = loop.time()
    response = await conversations.take_turn(request)
    return response, (loop.time() - began) * 1000
