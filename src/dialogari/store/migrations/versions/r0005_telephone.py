"""What models may decide about a call, the facts kept of each conversation, and MCP servers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Add the columns, NULL in what was stored before, and the table."""
    op.add_column("prompt_versions", sa.Column("actions", _JSON))
    op.add_column("prompt_versions", sa.Column("transfers", _JSON))
    op.add_column("turns", sa.Column("kept", _JSON))
    op.create_table(
        "mcp_servers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("args", _JSON, nullable=False),
        sa.Column("env", _JSON, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("headers", _JSON, nullable=False),
        sa.Column("timeout", sa.Float(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_mcp_servers"),
    )
