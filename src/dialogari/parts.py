"""The parts that a turn needs, as protocols: who meets whom without knowing him.

`dialogari.conversation` speaks to these, `dialogari.agent` and `dialogari.store` play them, and
`dialogari.app` says which plays which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dialogari.tool import ToolSource

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from dialogari.remembered import Summary
    from dialogari.turn import (
        AgentEvent,
        AgentRequest,
        ConversationKey,
        Message,
        Past,
        Prompt,
        TurnRecord,
    )


class Agent(Protocol):
    """Prompt and model to answer. Played by `dialogari.agent`."""

    def resolve(self, model: str | None) -> str:
        """Return `provider:model` for what a request or a prompt named, or for the default.

        Raises:
            TurnError: `unknown_model`, when no configured provider goes by that name.
        """
        ...

    def reply(self, request: AgentRequest) -> AsyncGenerator[AgentEvent]:
        """Stream the answer; the last event is `AgentDone`.

        Closing the iterator or cancelling its consumer closes the model's connection.

        Raises:
            TurnError: `model_error` and the reason; no other exception leaves. After `FellBack`, it
                is the failure of the model that this named.
        """
        ...


class History(Protocol):
    """Memory of conversations. Played by `dialogari.store`."""

    async def load(self, conversation: ConversationKey) -> Past:
        """Return what was said before.

        Raises:
            TurnError: `error`, when the store can't be read.
        """
        ...

    async def append(self, record: TurnRecord) -> None:
        """Store a turn; returns once it would survive a crash.

        Raises:
            TurnError: `error`, when the store refuses.
        """
        ...

    async def amend(self, record: TurnRecord) -> None:
        """Store a turn in place of what was appended under its number; returns as `append` does.

        Of a conversation that has been forgotten meanwhile nothing is stored.

        Raises:
            TurnError: `error`, when the store refuses.
        """
        ...


class Catalogue(ToolSource, Protocol):
    """The prompts and tools, read at each turn so that an edit counts from the next one on."""

    async def find_prompt(self, name: str) -> Prompt | None:
        """Return the newest version, or None where no prompt has that name.

        Raises:
            TurnError: `error`, when the store can't be read.
        """
        ...


class CallerMemory(Protocol):
    """Knows callers again by a key of the dialplan's. Played by `dialogari.store`."""

    async def recall(self, caller: str, besides: ConversationKey) -> Sequence[Message]:
        """Return what was said in earlier calls, marked as such, oldest first.

        `besides`: the conversation that is running.

        Raises:
            TurnError: `error`, when the store can't be read.
        """
        ...


class Summarist(Protocol):
    """Says what is too much to be told in full, and sums it up. Played by `dialogari.agent`."""

    def overflow(self, messages: Sequence[Message]) -> int:
        """Return how many of the oldest messages are to be told in short; 0: all can be told.

        The newest turn is never among them.
        """
        ...

    async def summarize(self, request: AgentRequest) -> str:
        """Return one summary of the history and of the summary that there was.

        Of the request, `model`, `language`, `deadline`, `history` and `summary` count.

        Raises:
            TurnError: the model failed, and the reason.
        """
        ...


class SummaryShelf(Protocol):
    """Keeps the summaries of conversations. Played by `dialogari.store`."""

    async def keep_summary(self, conversation: ConversationKey, summary: Summary) -> None:
        """Store the summary of a conversation, in place of an older one.

        Of a conversation that has been forgotten meanwhile nothing is stored.

        Raises:
            TurnError: `error`, when the store refuses.
        """
        ...
