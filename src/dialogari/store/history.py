"""The memory of conversations, as a turn needs it: load before the model, append after."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from dialogari.store.calls import read_call
from dialogari.store.errors import StoreError, turn_error
from dialogari.store.tables import WellFormedText, conversations, turns
from dialogari.turn import Message, Past, Role, Side, Status, TurnError

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import Connection

    from dialogari.store.database import Database
    from dialogari.store.journal import Journal
    from dialogari.turn import ConversationKey, TurnRecord

_EVER = datetime.min.replace(tzinfo=UTC)
_NEWEST_TURNS = 50
"""Turns a model is reminded of; a call seldom has more, and each costs tokens in every turn."""

_LONGEST_ID = 512
"""Characters of a conversation's id: an index row of PostgreSQL has room for 2,700 bytes."""

_LOAD = (
    select(
        turns.c.number,
        turns.c.status,
        turns.c.question,
        turns.c.answer,
        turns.c.tool_calls,
        turns.c.kept,
        turns.c.started_at,
    )
    .join(conversations, conversations.c.id == turns.c.conversation_id)
    .where(
        conversations.c.server == bindparam("server", type_=WellFormedText),
        conversations.c.uniqueid == bindparam("uniqueid", type_=WellFormedText),
    )
    .order_by(turns.c.number.desc())
    .limit(_NEWEST_TURNS)
)


class StoredHistory:
    """Plays `dialogari.parts.History`. `ttl`: turns older than this are stored, not remembered."""

    def __init__(self, database: Database, journal: Journal, ttl: timedelta | None = None) -> None:
        self._database = database
        self._ttl = ttl
        self._journal = journal

    async def load(self, conversation: ConversationKey) -> Past:
        """Return what was said before: of the newest 50 turns, those that were answered.

        Raises:
            TurnError: `error` and a reason `store.…`, when the store can't be read; `bad_request`
                and `conversation.id_too_long`, when its id has more than 512 characters.
        """
        if len(conversation.id) > _LONGEST_ID:
            raise TurnError(Status.BAD_REQUEST, "conversation.id_too_long", Side.CALLER)
        try:
            return await self._database.read(partial(_load, conversation, self._since()))
        except StoreError as error:
            raise turn_error(error) from error

    def _since(self) -> datetime:
        return _EVER if self._ttl is None else datetime.now(UTC) - self._ttl

    async def append(self, record: TurnRecord) -> None:
        """Store a turn; returns once it would survive a crash.

        Raises:
            TurnError: `busy` and `conversation.concurrent_turn`, when another process stored a turn
                of that number; `error` and a reason `store.…`, when the store refuses.
        """
        try:
            await self._journal.append(record)
        except StoreError as error:
            raise turn_error(error) from error

    async def amend(self, record: TurnRecord) -> None:
        """Store a turn in place of the one of its number; returns as `append` does.

        Raises:
            TurnError: `error` and a reason `store.…`, when the store refuses.
        """
        try:
            await self._journal.amend(record)
        except StoreError as error:
            raise turn_error(error) from error


def _load(conversation: ConversationKey, since: datetime, connection: Connection) -> Past:
    rows = connection.execute(
        _LOAD, {"server": conversation.server, "uniqueid": conversation.id}
    ).all()
    ok = Status.OK.value
    messages: list[Message] = []
    for _, status, question, answer, calls, _, started in reversed(rows):
        # What was spoken before it failed, the caller has heard.
        if (status == ok or answer) and started >= since:
            messages.append(Message(Role.CALLER, question))
            messages.append(Message(Role.ASSISTANT, answer, tuple(map(read_call, calls or ()))))
    if not rows:
        return Past(messages=[], turns=0)
    return Past(messages=messages, turns=rows[0].number, kept=rows[0].kept or {})
