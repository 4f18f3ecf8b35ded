"""The caller of a conversation; what a turn cost, and who was asked in it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add a column and its index to conversations, and two columns to turns."""
    op.add_column("conversations", sa.Column("caller", sa.Text()))
    op.create_index("ix_conversations_caller", "conversations", ["caller"])
    op.add_column("turns", sa.Column("cost", sa.Float()))
    op.add_column("turns", sa.Column("asked", sa.JSON().with_variant(JSONB(), "postgresql")))
