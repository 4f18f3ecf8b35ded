"""What prompts let their models decide about a call, and the facts kept of each conversation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0002"

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Add the columns; NULL in what was stored before."""
    op.add_column("prompt_versions", sa.Column("actions", _JSON))
    op.add_column("prompt_versions", sa.Column("transfers", _JSON))
    op.add_column("turns", sa.Column("kept", _JSON))
