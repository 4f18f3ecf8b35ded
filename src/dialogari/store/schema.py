"""Brings a database up to the tables this code knows, by the migrations shipped in the package.

Alembic, which reads and runs them, takes 0.4 s to import, so it is only imported for a database
that is not at `REVISION` already: a terminal command on an existing database never pays for it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy import column, inspect, select, table

from dialogari.store.errors import DatabaseTooNewError, ForeignDatabaseError
from dialogari.store.tables import REVISION

if TYPE_CHECKING:
    from sqlalchemy import Connection

_log = logging.getLogger(__name__)
_VERSION = table("alembic_version", column("version_num"))


def needs_upgrade(connection: Connection) -> bool:
    """Return whether `upgrade` has something to do; an empty file counts.

    Raises:
        DatabaseTooNewError: a newer dialogari has changed the tables.
        ForeignDatabaseError: it has tables, but never had ours.
    """
    present = inspect(connection).get_table_names()
    if _VERSION.name not in present:
        if present:
            raise ForeignDatabaseError(
                "the database belongs to another program: its tables are "
                f"{', '.join(sorted(present)[:5])}; set DATABASE_URL to a database of its own"
            )
        return True
    revision = connection.execute(select(_VERSION.c.version_num)).scalar()
    if revision == REVISION:
        return False
    from dialogari.store.migrations import is_known  # noqa: PLC0415 - see the module's docstring

    if revision is not None and not is_known(revision):
        raise DatabaseTooNewError(
            f"the database was changed by a newer dialogari (revision {revision}, this one knows "
            f"{REVISION}); install that version or a newer one"
        )
    return True


def upgrade(connection: Connection) -> None:
    """Run the missing migrations in the transaction of `connection`: all of them or none."""
    from dialogari.store.migrations import run  # noqa: PLC0415 - see the module's docstring

    run(connection)
    _log.info("database upgraded to revision %s", REVISION)
