"""Every change the tables ever had, as Alembic revisions, and how they are run.

A released revision is never edited. A new one goes into `versions/`, names the one before it as
`down_revision`, and `REVISION` in `dialogari.store.tables` moves with it. There is no way down:
whoever needs the old tables restores the copy made before the upgrade.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

if TYPE_CHECKING:
    from sqlalchemy import Connection


def configuration() -> Config:
    """Return Alembic's settings for the revisions of this package."""
    config = Config()
    config.set_main_option("script_location", "dialogari.store:migrations")
    return config


def is_known(revision: str) -> bool:
    """Return whether this package has that revision."""
    try:
        ScriptDirectory.from_config(configuration()).get_revision(revision)
    except CommandError:
        return False
    return True


def run(connection: Connection) -> None:
    """Bring the database to the newest revision, within the transaction of `connection`."""
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
