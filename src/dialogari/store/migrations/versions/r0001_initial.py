"""Conversations, turns, prompts with their versions, the heartbeat, and a first prompt."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

_DEFAULT_PROMPT = """\
You are answering a telephone call. Everything you write is spoken aloud to the caller.

Answer in the language the caller speaks. Use one to three short, plain sentences. Do not use lists,
headings, emoji or web addresses. Write numbers and times the way people say them.

Say so when you do not know something; never invent names, prices, times or telephone numbers.
If the caller's words make no sense, ask once, briefly, what they meant.
"""

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create all tables and the prompt named `default`."""
    _create_conversations()
    _create_prompts()
    op.create_table(
        "heartbeat",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("beat_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_heartbeat"),
    )


def _create_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("uniqueid", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("last_turn_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
        sa.UniqueConstraint("server", "uniqueid", name="uq_conversations_server_uniqueid"),
    )
    op.create_table(
        "turns",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("conversation_id", _ROW_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("facts", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_turns_conversation_id_conversations",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("conversation_id", "number", name="uq_turns_conversation_id_number"),
    )


def _create_prompts() -> None:
    prompts = op.create_table(
        "prompts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("current_version", sa.Integer()),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_prompts"),
    )
    versions = op.create_table(
        "prompt_versions",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("model", sa.Text()),
        sa.Column("language", sa.Text()),
        sa.Column("fallback_text", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name="pk_prompt_versions"),
        sa.ForeignKeyConstraint(
            ["name"], ["prompts.name"], name="fk_prompt_versions_name_prompts", ondelete="CASCADE"
        ),
    )
    op.bulk_insert(prompts, [{"name": "default", "current_version": 1, "last_version": 1}])
    op.bulk_insert(
        versions,
        [
            {
                "name": "default",
                "version": 1,
                "content": _DEFAULT_PROMPT,
                "note": "shipped with dialogari",
                "created_at": datetime.now(UTC),
            }
        ],
    )
