"""The phrase of a prompt by which slow tools announce themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column, NULL in what was stored before."""
    op.add_column("prompt_versions", sa.Column("tool_phrase", sa.Text()))
