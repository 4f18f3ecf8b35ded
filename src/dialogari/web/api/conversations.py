"""`/conversations`: what was said, looked for and forgotten.

The id of a conversation is the UNIQUEID of its call, or the name of its session. Ids of calls may
repeat between Asterisk servers: `?server=` says which, where several had one.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query

from dialogari.store.conversations import Conversation, Place
from dialogari.turn import TurnRecord
from dialogari.web.api.backend import Parts
from dialogari.web.api.fields import View
from dialogari.web.api.paging import Cursor, Limit, Page, read_cursor, unknown_page, write_cursor
from dialogari.web.api.problems import document
from dialogari.web.api.tools import ToolCallView, view_call

router = APIRouter(prefix="/conversations", tags=["conversations"])

_LARGEST: Final = 2**31 - 1
_LARGEST_ROW: Final = 2**63 - 1
# A UNIQUEID may have slashes in it, where a dialplan made it up.
Id = Annotated[str, Path(min_length=1, max_length=512)]
Server = Annotated[str | None, Query(max_length=1000, description="The Asterisk server.")]
Words = Annotated[
    str,
    Query(
        max_length=200,
        description="Words that a turn must have, all of them; case and accents don't matter.",
    ),
]


class UsageView(View):
    """Tokens as the model counted them."""

    input_tokens: int
    output_tokens: int


class ConversationView(View):
    """A conversation without its turns."""

    id: str
    server: str
    """The Asterisk server; empty for sessions without a call."""
    started: datetime
    last_turn: datetime
    turn_count: int


class TurnView(View):
    """One question and its answer."""

    turn: int
    started: datetime
    text: str
    """What the caller said."""
    answer: str
    status: str
    error: str
    prompt: str
    prompt_version: int
    model: str
    facts: dict[str, str]
    tool_calls: list[ToolCallView]
    latency_ms: int
    usage: UsageView


class WholeConversation(ConversationView):
    """A conversation with its turns, oldest first."""

    turns: list[TurnView]
    next: str | None
    """Cursor of the turns that follow; null: these are all."""


@router.get("", responses=document(HTTPStatus.NOT_FOUND))
async def list_conversations(
    parts: Parts, q: Words = "", limit: Limit = 50, cursor: Cursor = None
) -> Page[ConversationView]:
    """List the conversations, that with the newest turn first; `q` searches what was said."""
    behind = None
    if cursor is not None:
        behind = _read_place(cursor)
    found = await parts.store.conversations.list_conversations(limit + 1, query=q, behind=behind)
    following = None
    if len(found) > limit:
        moment, row = found[limit - 1].place
        following = write_cursor(moment.isoformat(), row)
    return Page(items=[ConversationView(**_describe(c)) for c in found[:limit]], next=following)


@router.get("/{id:path}", responses=document(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
async def get_conversation(
    parts: Parts,
    id: Id,  # noqa: A002 - the contract's name for it
    server: Server = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> WholeConversation:
    """Show what was said, a page of turns at a time."""
    after = 0 if cursor is None else _read_number(cursor)
    found = await parts.store.conversations.find_conversation(id, server)
    turns = await parts.store.conversations.list_turns(found, limit + 1, after=after)
    following = write_cursor(turns[limit - 1].number) if len(turns) > limit else None
    return WholeConversation(
        **_describe(found), turns=[_view(turn) for turn in turns[:limit]], next=following
    )


@router.delete(
    "/{id:path}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=document(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def forget_conversation(
    parts: Parts,
    id: Id,  # noqa: A002 - as above
    server: Server = None,
) -> None:
    """Forget a conversation and all that was said in it."""
    await parts.store.conversations.forget_conversation(id, server)


def _read_place(cursor: str) -> Place:
    moment, row = read_cursor(cursor, str, int)
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        raise unknown_page() from None
    if when.tzinfo is None or not 0 <= row <= _LARGEST_ROW:
        raise unknown_page()
    return when, row


def _read_number(cursor: str) -> int:
    number: int
    (number,) = read_cursor(cursor, int)
    if not 0 < number <= _LARGEST:
        raise unknown_page()
    return number


def _describe(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.key.id,
        "server": conversation.key.server,
        "started": conversation.started,
        "last_turn": conversation.last_turn,
        "turn_count": conversation.turns,
    }


def _view(turn: TurnRecord) -> TurnView:
    return TurnView(
        turn=turn.number,
        started=turn.started,
        text=turn.question,
        answer=turn.answer,
        status=turn.status,
        error=turn.reason,
        prompt=turn.prompt,
        prompt_version=turn.prompt_version,
        model=turn.model,
        facts=dict(turn.facts),
        tool_calls=[view_call(call) for call in turn.tool_calls],
        latency_ms=round(turn.seconds * 1000),
        usage=UsageView(
            input_tokens=turn.usage.input_tokens, output_tokens=turn.usage.output_tokens
        ),
    )
