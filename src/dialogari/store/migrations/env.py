"""What Alembic executes to run the revisions, on the connection and transaction it was handed."""

from __future__ import annotations

from alembic import context

from dialogari.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite alters a table only by copying it, which Alembic calls a batch.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
