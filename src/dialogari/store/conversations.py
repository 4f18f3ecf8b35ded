"""The conversations, for those who read what was said, look for it, and have it forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, exists, func, select, tuple_

from dialogari.asked import Usage
from dialogari.store.calls import read_call
from dialogari.store.errors import AmbiguousConversationError, UnknownConversationError
from dialogari.store.folding import search_words
from dialogari.store.tables import UtcDateTime, WellFormedText, conversations, turns
from dialogari.turn import ConversationKey, Status, TurnRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping, Select

    from dialogari.store.database import Database

Place = tuple["datetime", int]
"""Where a list of conversations goes on: the last one's newest turn and its row."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation without its turns."""

    key: ConversationKey
    started: datetime
    last_turn: datetime
    turns: int
    row: int

    @property
    def place(self) -> Place:
        """Where a list goes on behind it."""
        return self.last_turn, self.row


_ALL = select(
    conversations,
    select(func.count())
    .select_from(turns)
    .where(turns.c.conversation_id == conversations.c.id)
    .scalar_subquery()
    .label("turns"),
)
_NEWEST_FIRST = (conversations.c.last_turn_at.desc(), conversations.c.id.desc())
_NAMED = _ALL.where(
    conversations.c.uniqueid == bindparam("uniqueid", type_=WellFormedText)
).order_by(*_NEWEST_FIRST)
_TURNS = (
    select(turns)
    .where(turns.c.conversation_id == bindparam("row"), turns.c.number > bindparam("after"))
    .order_by(turns.c.number)
    .limit(bindparam("most"))
)
_FORGET = delete(conversations).where(conversations.c.id == bindparam("row"))


class StoredConversations:
    """Reads conversations beside the journal that writes them, and forgets them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_conversations(
        self, limit: int, *, query: str = "", behind: Place | None = None
    ) -> Sequence[Conversation]:
        """Return some conversations, that with the newest turn first.

        `query`: those with a turn that has all these words, whatever their case and accents;
        parts of words count. `behind`: those that come after this place. Raises StoreError.
        """
        return await self._database.read(partial(_list, limit, search_words(query), behind))

    async def find_conversation(self, uniqueid: str, server: str | None = None) -> Conversation:
        """Return a conversation by its id, and by its server where several had that id.

        Raises:
            UnknownConversationError: there is none.
            AmbiguousConversationError: there are several, and no server is named.
            StoreError: the store can't be read.
        """
        return await self._database.read(partial(_find, uniqueid, server))

    async def list_turns(
        self, conversation: Conversation, limit: int, *, after: int = 0
    ) -> Sequence[TurnRecord]:
        """Return its turns behind that of a number, oldest first. Raises StoreError."""
        return await self._database.read(partial(_list_turns, conversation, limit, after))

    async def forget_conversation(self, uniqueid: str, server: str | None = None) -> None:
        """Delete a conversation with all its turns. Raises as `find_conversation`."""
        await self._database.write(partial(_forget, uniqueid, server))


def _list(
    limit: int, words: Sequence[str], behind: Place | None, connection: Connection
) -> Sequence[Conversation]:
    rows = connection.execute(_listing(words, behind).limit(limit)).mappings()
    return [_conversation(row) for row in rows]


def _listing(words: Sequence[str], behind: Place | None) -> Select[tuple[object, ...]]:
    found = _ALL.order_by(*_NEWEST_FIRST)
    if words:
        has_all = (turns.c.folded.contains(word, autoescape=True) for word in words)
        found = found.where(exists().where(turns.c.conversation_id == conversations.c.id, *has_all))
    if behind is not None:
        moment, row = behind
        place = tuple_(bindparam("moment", moment, UtcDateTime), bindparam("row", row))
        found = found.where(tuple_(conversations.c.last_turn_at, conversations.c.id) < place)
    return found


def _find(uniqueid: str, server: str | None, connection: Connection) -> Conversation:
    rows = connection.execute(_NAMED, {"uniqueid": uniqueid}).mappings().all()
    found = [row for row in rows if server in {None, row["server"]}]
    if not found:
        raise UnknownConversationError
    if len(found) > 1:
        raise AmbiguousConversationError
    return _conversation(found[0])


def _list_turns(
    conversation: Conversation, limit: int, after: int, connection: Connection
) -> Sequence[TurnRecord]:
    bound = {"row": conversation.row, "after": after, "most": limit}
    rows = connection.execute(_TURNS, bound).mappings()
    return [_turn(conversation.key, row) for row in rows]


def _forget(uniqueid: str, server: str | None, connection: Connection) -> None:
    found = _find(uniqueid, server, connection)
    if connection.execute(_FORGET, {"row": found.row}).rowcount == 0:
        raise UnknownConversationError


def _conversation(row: RowMapping) -> Conversation:
    return Conversation(
        key=ConversationKey(row["server"], row["uniqueid"]),
        started=row["created_at"],
        last_turn=row["last_turn_at"],
        turns=row["turns"],
        row=row["id"],
    )


def _turn(key: ConversationKey, row: RowMapping) -> TurnRecord:
    return TurnRecord(
        conversation=key,
        number=row["number"],
        question=row["question"],
        answer=row["answer"],
        status=Status(row["status"]),
        reason=row["reason"],
        prompt=row["prompt"],
        prompt_version=row["prompt_version"],
        model=row["model"],
        facts=row["facts"],
        usage=Usage(row["input_tokens"], row["output_tokens"]),
        started=row["started_at"],
        seconds=row["seconds"],
        tool_calls=tuple(map(read_call, row["tool_calls"] or ())),
    )
