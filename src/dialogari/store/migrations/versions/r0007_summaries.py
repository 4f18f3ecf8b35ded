"""The summary of a conversation that has grown long."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns, NULL in what was stored before."""
    op.add_column("conversations", sa.Column("summary", sa.Text()))
    op.add_column("conversations", sa.Column("summary_turns", sa.Integer()))
    op.add_column("conversations", sa.Column("summary_since", sa.DateTime(timezone=True)))
