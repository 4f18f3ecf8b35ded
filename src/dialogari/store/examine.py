"""What an operator wants to know of the database, found out without changing its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialogari.store.database import open_database
from dialogari.store.errors import StoreError
from dialogari.store.schema import needs_upgrade
from dialogari.store.tables import REVISION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dialogari.store.database import Database

_UPGRADE = "run `dialogari db upgrade`"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    """`reachable`, `revision` or `writable`."""
    good: bool
    text: str
    """What was found; where it is not good, the remedy too."""


async def examine_database(url: str) -> Sequence[Finding]:
    """Return whether the database can be reached, has our newest tables, and can be written.

    A row of the heartbeat is all it writes; beside a running bridge it is safe.
    """
    try:
        async with open_database(url, upgraded=False) as database:
            revision = await _revision(database)
            writable = await _writable(database) if revision.good else _unknown("writable")
            return [Finding("reachable", good=True, text="yes"), revision, writable]
    except StoreError as error:
        reachable = Finding("reachable", good=False, text=str(error))
        return [reachable, _unknown("revision"), _unknown("writable")]


async def _revision(database: Database) -> Finding:
    try:
        pending = await database.read(needs_upgrade)
    except StoreError as error:
        return Finding("revision", good=False, text=str(error))
    if pending:
        return Finding("revision", good=False, text=f"the tables are not at {REVISION}: {_UPGRADE}")
    return Finding("revision", good=True, text=REVISION)


async def _writable(database: Database) -> Finding:
    try:
        await database.check()
    except StoreError as error:
        return Finding("writable", good=False, text=str(error))
    return Finding("writable", good=True, text="yes")


def _unknown(name: str) -> Finding:
    return Finding(name, good=False, text="not known; mend the line above first")
