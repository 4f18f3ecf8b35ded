"""The memory of callers across their calls: the protocol by which conversation and store meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dialogari.turn import ConversationKey, Message


class CallerMemory(Protocol):
    """Knows callers again by a key of the dialplan's. Played by `dialogari.store`."""

    async def recall(self, caller: str, besides: ConversationKey) -> Sequence[Message]:
        """Return what was said in earlier calls, marked as such, oldest first.

        `besides`: the conversation that is running.

        Raises:
            TurnError: `error`, when the store can't be read.
        """
        ...
