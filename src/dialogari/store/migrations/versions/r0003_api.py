"""For the REST API: its keys, the folded words of turns to search in, conversations by time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialogari.store.folding import fold

revision = "0003"
down_revision = "0002"

_ROWS = 1000
"""Turns folded at a time."""
_TURNS = sa.table(
    "turns",
    sa.column("id", sa.BigInteger()),
    sa.column("question", sa.Text()),
    sa.column("answer", sa.Text()),
    sa.column("folded", sa.Text()),
)


def upgrade() -> None:
    """Create the table and the index, add the column and fill it."""
    op.create_table(
        "api_keys",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    op.create_index(
        "ix_conversations_last_turn_at_id", "conversations", ["last_turn_at", "id"], unique=False
    )
    op.add_column("turns", sa.Column("folded", sa.Text()))
    _fold_turns(op.get_bind())


def _fold_turns(connection: sa.Connection) -> None:
    newest = -1
    change = (
        sa.update(_TURNS)
        .where(_TURNS.c.id == sa.bindparam("this"))
        .values(folded=sa.bindparam("words"))
    )
    some = (
        sa.select(_TURNS.c.id, _TURNS.c.question, _TURNS.c.answer)
        .order_by(_TURNS.c.id)
        .limit(_ROWS)
    )
    while rows := connection.execute(some.where(_TURNS.c.id > newest)).all():
        words = [{"this": i, "words": fold(f"{question} {answer}")} for i, question, answer in rows]
        connection.execute(change, words)
        newest = rows[-1][0]
