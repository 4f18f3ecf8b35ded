"""The memory of conversations, as a turn needs it: load before the model, append after."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, exists, func, select, update

from dialogari.remembered import Mark, Summary
from dialogari.store.calls import read_call
from dialogari.store.errors import StoreError, turn_error
from dialogari.store.tables import UtcDateTime, WellFormedText, conversations, turns
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

# No name of a column, which an update takes for the column's new value.
_THIS = (conversations.c.server == bindparam("at_server", type_=WellFormedText)) & (
    conversations.c.uniqueid == bindparam("at_id", type_=WellFormedText)
)
_LOAD = (
    select(
        turns.c.number,
        turns.c.status,
        turns.c.question,
        turns.c.answer,
        turns.c.tool_calls,
        turns.c.kept,
        turns.c.started_at,
        conversations.c.summary_since,
    )
    .join(conversations, conversations.c.id == turns.c.conversation_id)
    .where(_THIS)
    .order_by(turns.c.number.desc())
    .limit(_NEWEST_TURNS)
)
# By itself: it is long, few conversations have one, and above it would come with each turn.
_SUMMARY = select(
    conversations.c.summary,
    conversations.c.summary_turns,
    conversations.c.summary_since,
).where(_THIS)
_SINCE = bindparam("since", type_=UtcDateTime)
_KEEP_SUMMARY = (
    update(conversations)
    .where(
        _THIS,
        func.coalesce(conversations.c.summary_turns, 0) <= bindparam("last"),
        # Forgotten and begun anew meanwhile, it has no such turn: nothing of it comes back.
        exists().where(turns.c.conversation_id == conversations.c.id, turns.c.started_at == _SINCE),
    )
    .values(
        summary=bindparam("written", type_=WellFormedText),
        summary_turns=bindparam("last"),
        summary_since=_SINCE,
    )
)


class StoredHistory:
    """Plays `dialogari.parts.History`, and `SummaryShelf`.

    `ttl`: turns older than this are stored, not remembered. `summaries`: those there are count.
    """

    def __init__(
        self,
        database: Database,
        journal: Journal,
        ttl: timedelta | None = None,
        *,
        summaries: bool = False,
    ) -> None:
        self._database = database
        self._ttl = ttl
        self._summaries = summaries
        self._journal = journal

    async def load(self, conversation: ConversationKey) -> Past:
        """Return what was said before: of the newest 50 turns, those that were answered.

        A summary stands in place of the turns that it covers until the oldest of them is too old to
        be remembered; then what is left of them is told in full again.

        Raises:
            TurnError: `error` and a reason `store.…`, when the store can't be read; `bad_request`
                and `conversation.id_too_long`, when its id has more than 512 characters.
        """
        if len(conversation.id) > _LONGEST_ID:
            raise TurnError(Status.BAD_REQUEST, "conversation.id_too_long", Side.CALLER)
        try:
            return await self._database.read(
                partial(_load, conversation, self._since(), summaries=self._summaries)
            )
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

    async def keep_summary(self, conversation: ConversationKey, summary: Summary) -> None:
        """Store the summary of a conversation; one that covers more stays as it is.

        Raises:
            TurnError: `error` and a reason `store.…`, when the store refuses.
        """
        try:
            await self._database.write(partial(_keep_summary, conversation, summary))
        except StoreError as error:
            raise turn_error(error) from error


def _load(
    conversation: ConversationKey, since: datetime, connection: Connection, *, summaries: bool
) -> Past:
    this = _name(conversation)
    rows = connection.execute(_LOAD, this).all()
    if not rows:
        return Past(messages=[], turns=0)
    summary: Summary | None = None
    if summaries and rows[0].summary_since is not None and rows[0].summary_since >= since:
        summary = _read_summary(connection, this)
    messages: list[Message] = []
    marks: list[Mark] = []
    for row in reversed(rows):
        # What was spoken before it failed, the caller has heard.
        told = (row.status == Status.OK.value or row.answer) and row.started_at >= since
        if told and (summary is None or row.number > summary.turns):
            calls = tuple(map(read_call, row.tool_calls or ()))
            messages.append(Message(Role.CALLER, row.question))
            messages.append(Message(Role.ASSISTANT, row.answer, calls))
            marks.append(Mark(row.number, row.started_at))
    return Past(messages, rows[0].number, rows[0].kept or {}, marks, summary)


def _read_summary(connection: Connection, this: dict[str, str]) -> Summary | None:
    row = connection.execute(_SUMMARY, this).one_or_none()
    if row is None:
        return None
    return Summary(row.summary, row.summary_turns, row.summary_since)


def _keep_summary(conversation: ConversationKey, summary: Summary, connection: Connection) -> None:
    kept = {
        **_name(conversation),
        "written": summary.text,
        "last": summary.turns,
        "since": summary.since,
    }
    connection.execute(_KEEP_SUMMARY, kept)


def _name(conversation: ConversationKey) -> dict[str, str]:
    return {"at_server": conversation.server, "at_id": conversation.id}
