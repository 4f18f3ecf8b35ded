"""Turns to store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dialogari.asked import Usage
from dialogari.turn import ConversationKey, Status, TurnRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

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
