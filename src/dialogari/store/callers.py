"""Callers across their calls: the last turns of earlier ones, and forgetting them.

A caller is known by the key that the dialplan chose (AI_CALLER), which stands at the conversation.
Nothing is made of it by a model: what was said last time is what is remembered.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, not_, select

from dialogari.store.errors import StoreError, turn_error
from dialogari.store.tables import UtcDateTime, WellFormedText, conversations, turns
from dialogari.turn import Message, Role, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from dialogari.store.database import Database
    from dialogari.turn import ConversationKey

_NEWEST_TURNS = 6
"""Of all earlier calls together: a reminder, not a transcript."""

_CALLER = bindparam("caller", type_=WellFormedText)
_RECALL = (
    select(turns.c.started_at, turns.c.question, turns.c.answer)
    .join(conversations, conversations.c.id == turns.c.conversation_id)
    .where(
        conversations.c.caller == _CALLER,
        turns.c.status == Status.OK.value,
        turns.c.started_at >= bindparam("since", type_=UtcDateTime),
        not_(
            (conversations.c.server == bindparam("server", type_=WellFormedText))
            & (conversations.c.uniqueid == bindparam("uniqueid", type_=WellFormedText))
        ),
    )
    .order_by(turns.c.started_at.desc(), turns.c.number.desc())
    .limit(_NEWEST_TURNS)
)
_FORGET = delete(conversations).where(conversations.c.caller == _CALLER)


class StoredCallers:
    """Plays `dialogari.parts.CallerMemory`. `max_age`: what is older is not recalled."""

    def __init__(self, database: Database, max_age: timedelta) -> None:
        self._database = database
        self._max_age = max_age

    async def recall(self, caller: str, besides: ConversationKey) -> Sequence[Message]:
        """Return the newest turns of earlier calls, oldest first, each with its day.

        Raises:
            TurnError: `error` and a reason `store.…`, when the store can't be read.
        """
        wanted: dict[str, object] = {
            "caller": caller,
            "since": datetime.now(UTC) - self._max_age,
            "server": besides.server,
            "uniqueid": besides.id,
        }
        try:
            return await self._database.read(partial(_recall, wanted))
        except StoreError as error:
            raise turn_error(error) from error

    async def forget(self, caller: str) -> int:
        """Delete all conversations of a caller with what was said; returns how many there were.

        Raises:
            StoreError: it can't be done, and nothing is deleted.
        """
        return await self._database.write(partial(_forget, caller))


def _recall(wanted: dict[str, object], connection: Connection) -> Sequence[Message]:
    messages: list[Message] = []
    for started, question, answer in reversed(connection.execute(_RECALL, wanted).all()):
        said = f"[in an earlier call, on {started:%Y-%m-%d}] {question}"
        messages += (Message(Role.CALLER, said), Message(Role.ASSISTANT, answer))
    return messages


def _forget(caller: str, connection: Connection) -> int:
    return connection.execute(_FORGET, {"caller": caller}).rowcount
