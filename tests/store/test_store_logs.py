"""What the store says in the log, and what it never says."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from dialogari.turn import TurnError
from store.behind import refuse_writes
from store.turn_records import CALL, turn

if TYPE_CHECKING:
    from dialogari.store.store import Store


async def test_no_log_line_has_what_a_caller_said(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Also at DEBUG, and also with the traceback of a record that the database refuses."""
    caplog.set_level(logging.DEBUG)
    said = turn(1, question="my card is 4111", facts={"card": "4111"})

    await store.history.append(said)
    await store.history.load(CALL)
    for refused in (
        said,
        replace(said, number=2, model=None),
        replace(said, number=2**70),
        replace(said, started=datetime(2026, 1, 1)),  # noqa: DTZ001 - refused
    ):
        with pytest.raises(TurnError):
            await store.history.append(refused)
    await refuse_writes(store)
    with pytest.raises(TurnError):
        await store.history.append(said)

    assert "turns are not stored: store.read_only" in caplog.text
    assert "each alone" in caplog.text
    assert "4111" not in caplog.text
