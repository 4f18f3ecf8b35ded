"""Turns to store, and a bare look into the file that should hold them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dialogari.turn import ConversationKey, Status, TurnRecord, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

CALL = ConversationKey("pbx", "1763800000.42")


def turn(
    number: int,
    conversation: ConversationKey = CALL,
    *,
    question: str = "When do you open?",
    answer: str = "At ten.",
    status: Status = Status.OK,
    facts: Mapping[str, str] | None = None,
    started: datetime | None = None,
) -> TurnRecord:
    """Return a turn as conversation would hand it over."""
    return TurnRecord(
        conversation=conversation,
        number=number,
        question=question,
        answer=answer,
        status=status,
        reason="" if status is Status.OK else "model.failed",
        prompt="default",
        prompt_version=1,
        model="local:test",
        facts={} if facts is None else facts,
        usage=Usage(20, 5),
        started=started or datetime.now(UTC),
        seconds=0.25,
    )


def query(path: Path, statement: str) -> Sequence[tuple[object, ...]]:
    """Return the rows of a statement run by the bare driver, as an operator would."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def execute(path: Path, statement: str) -> None:
    """Change the file behind the store's back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)
