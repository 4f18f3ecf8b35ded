"""The tables, named so that an operator can read them with SQL by hand.

    conversations    one row per call (or session of the terminal): server + uniqueid
    turns            one row per question and answer, numbered from 1 in its conversation
    prompts          one row per name: which version counts
    prompt_versions  every edit of a prompt, never changed once written
    tools            one row per tool; the values of its headers can't be read without SECRET_KEY
    api_keys         one row per key of the REST API: the SHA-256 of each
    mcp_servers      one row per MCP server; its secrets as those of tools
    heartbeat        one row, written anew by each readiness check: the proof that writes work

The last ten questions of a call, for instance:

    SELECT number, started_at, status, question, answer FROM turns
    JOIN conversations ON conversations.id = turns.conversation_id
    WHERE uniqueid = '1763800000.42' ORDER BY number DESC LIMIT 10;

All times are UTC. SQLite keeps them as text (`2026-11-22 09:30:00.000000`) and facts as JSON text,
PostgreSQL as timestamptz and jsonb; `facts ->> 'key'` reads a fact on both.

These definitions and `migrations/versions` say the same; a test compares them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy import Dialect

REVISION = "0007"
"""The newest migration, which these definitions match."""


def well_formed(text: str) -> str:
    r"""Return `text` with each NUL and each surrogate that stands alone replaced by U+FFFD.

    Halves of a character come from a terminal with bytes that are not UTF-8, or from a model's
    broken JSON, and no database takes them. NUL comes from `\u0000` in JSON; PostgreSQL takes it
    in no text, so that it is replaced on SQLite as well. A turn must not be lost for either.
    """
    text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class WellFormedText(TypeDecorator[str]):
    """Text of any length, kept byte for byte but for what no text can hold: see `well_formed`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Make the text one that a database takes."""
        del dialect
        return None if value is None else well_formed(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, aware on the way in and on the way out; SQLite alone would lose the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware moment into UTC; a naive one is refused, for nobody knows what it means."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime can't be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back what SQLite dropped."""
        del dialect
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers a row by itself only where the key's type is spelled INTEGER.
_RowId = BigInteger().with_variant(Integer(), "sqlite")
_Json = JSON().with_variant(JSONB(), "postgresql")
# None is SQL's NULL, not JSON's.
_OptionalJson = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

conversations = Table(
    "conversations",
    metadata,
    Column("id", _RowId, primary_key=True),
    # The Asterisk server's address or name; empty for the terminal and the REST API.
    Column("server", WellFormedText, nullable=False),
    # UNIQUEID as the call's CDR has it, or the name of a session.
    Column("uniqueid", WellFormedText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_turn_at", UtcDateTime, nullable=False),
    # AI_CALLER, where callers are remembered; NULL: nobody was named.
    Column("caller", WellFormedText, index=True),
    # What a model wrote of the turns up to this number, and when the oldest of them began; NULL:
    # all that a model is told of it is told in full.
    Column("summary", WellFormedText),
    Column("summary_turns", Integer),
    Column("summary_since", UtcDateTime),
    UniqueConstraint("server", "uniqueid"),
    # By which lists begin with the newest.
    Index("ix_conversations_last_turn_at_id", "last_turn_at", "id"),
)

turns = Table(
    "turns",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column(
        "conversation_id",
        _RowId,
        ForeignKey("conversations.id", ondelete="CASCADE"),
        nullable=False,
    ),
    # From 1; the dialplan reads it as AI_TURN.
    Column("number", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    # From the start of the turn to its answer.
    Column("seconds", Float, nullable=False),
    # As AI_STATUS and AI_ERROR; reason is empty when ok.
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("question", WellFormedText, nullable=False),
    Column("answer", WellFormedText, nullable=False),
    # The version that answered, which may since have been deleted: no foreign key.
    Column("prompt", WellFormedText, nullable=False),
    Column("prompt_version", Integer, nullable=False),
    # provider:model; empty when none was asked.
    Column("model", WellFormedText, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    # The call's own facts from the dialplan, {"key": "value"}.
    Column("facts", _Json, nullable=False),
    # [{"name", "arguments", "status", …}], as `dialogari.tool.ToolCall`; NULL: none.
    Column("tool_calls", _OptionalJson),
    # US dollars; NULL: nobody knows.
    Column("cost", Float),
    # [{"model", "reason", "seconds", …}], each request to a model; NULL: only one, and it answered.
    Column("asked", _OptionalJson),
    # Question and answer as searches compare them, see `folding.py`.
    Column("folded", WellFormedText),
    # All facts that models have kept until now, {"NAME": "value"}; NULL: none.
    Column("kept", _OptionalJson),
    UniqueConstraint("conversation_id", "number"),
)

prompts = Table(
    "prompts",
    metadata,
    Column("name", WellFormedText, primary_key=True),
    # NULL: the prompt is deleted. The row stays, so that version numbers never start again and
    # turns.prompt_version names one text for ever.
    Column("current_version", Integer),
    Column("last_version", Integer, nullable=False),
)

prompt_versions = Table(
    "prompt_versions",
    metadata,
    Column(
        "name", WellFormedText, ForeignKey("prompts.name", ondelete="CASCADE"), primary_key=True
    ),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("content", WellFormedText, nullable=False),
    # provider or provider:model; NULL: the setting's.
    Column("model", WellFormedText),
    Column("language", WellFormedText),
    # Said instead of an answer when the turn fails; NULL: the setting's.
    Column("fallback_text", WellFormedText),
    # Why this edit was made, for people.
    Column("note", WellFormedText),
    Column("created_at", UtcDateTime, nullable=False),
    # Names of the tools its model may use; NULL: none.
    Column("tools", _OptionalJson),
    # What its model may decide about a call, and the targets it may transfer to; NULL: none.
    Column("actions", _OptionalJson),
    Column("transfers", _OptionalJson),
    # Said while a slow tool runs, in answers in pieces; NULL: nothing.
    Column("tool_phrase", WellFormedText),
)

tools = Table(
    "tools",
    metadata,
    Column("name", WellFormedText, primary_key=True),
    Column("description", WellFormedText, nullable=False),
    # JSON Schema of the arguments; as text, for jsonb would change the order of its keys.
    Column("parameters", JSON, nullable=False),
    Column("method", WellFormedText, nullable=False),
    Column("url", WellFormedText, nullable=False),
    # {"name": "locked value"}, see `keyring.py`.
    Column("headers", _Json, nullable=False),
    Column("timeout", Float, nullable=False),
    Column("result_path", WellFormedText),
    # Counts the edits.
    Column("version", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("name", WellFormedText, primary_key=True),
    # SHA-256, in hexadecimal digits.
    Column("digest", WellFormedText, nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
)

mcp_servers = Table(
    "mcp_servers",
    metadata,
    Column("name", WellFormedText, primary_key=True),
    # A program with its arguments, or an address; the other one is empty.
    Column("command", WellFormedText, nullable=False),
    Column("args", _Json, nullable=False),
    # {"NAME": "locked value"}, see `keyring.py`.
    Column("env", _Json, nullable=False),
    Column("url", WellFormedText, nullable=False),
    Column("headers", _Json, nullable=False),
    Column("timeout", Float, nullable=False),
    # Counts the edits.
    Column("version", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("beat_at", UtcDateTime, nullable=False),
)
