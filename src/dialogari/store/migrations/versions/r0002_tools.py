"""Tools: their table, the names of those a prompt has, and the calls of each turn."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Create the table, and add a column to prompts and to turns."""
    op.create_table(
        "tools",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("headers", _JSON, nullable=False),
        sa.Column("timeout", sa.Float(), nullable=False),
        sa.Column("result_path", sa.Text()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_tools"),
    )
    # NULL in what was stored before: to fill a column of a large table would rewrite it.
    op.add_column("prompt_versions", sa.Column("tools", _JSON))
    op.add_column("turns", sa.Column("tool_calls", _JSON))
