"""The row that shows the database takes writes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text

from dialogari.store.tables import UtcDateTime

if TYPE_CHECKING:
    from sqlalchemy import Connection

_BEAT = text(
    "INSERT INTO heartbeat (id, beat_at) VALUES (1, :beat_at)"
    " ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at"
).bindparams(bindparam("beat_at", type_=UtcDateTime))


def beat(connection: Connection) -> None:
    """Write the moment."""
    connection.execute(_BEAT, {"beat_at": datetime.now(UTC)})
