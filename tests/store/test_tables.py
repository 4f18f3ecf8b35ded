"""What the column types keep and what they refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from dialogari.store.tables import UtcDateTime, well_formed

_DIALECT = sqlite.dialect()


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_text_without_nul_or_surrogates_is_untouched(text: str) -> None:
    """Every text that both databases take goes through unchanged."""
    assert well_formed(text) is text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("caf\udce9", "caf\ufffd"),
        ("\ud83d alone", "\ufffd alone"),
        ("alone \ude42", "alone \ufffd"),
        ("a pair \ud83d\ude42 of halves", "a pair 🙂 of halves"),
        ("\ude42\ud83d", "\ufffd\ufffd"),
        ("nul \0\ud83d", "nul \ufffd\ufffd"),
        ("\ufeffmark kept \ud800", "\ufeffmark kept \ufffd"),
    ],
)
def test_lone_surrogates_are_replaced(text: str, expected: str) -> None:
    """A half character becomes U+FFFD, two halves become the character, the rest stays."""
    assert well_formed(text) == expected


def test_moments_go_in_and_out_as_utc() -> None:
    """A moment of another zone is stored as the same moment in UTC and comes back aware."""
    column = UtcDateTime()
    madrid = datetime(2026, 7, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))

    bound = column.process_bind_param(madrid, _DIALECT)

    assert bound is not None
    assert bound == datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
    assert bound.tzinfo is UTC
    assert column.process_result_value(bound.replace(tzinfo=None), _DIALECT) == madrid


def test_naive_moments_are_refused() -> None:
    """A moment without a zone is a fault of ours, not a guess of the store."""
    with pytest.raises(ValueError, match="naive"):
        UtcDateTime().process_bind_param(datetime(2026, 7, 1), _DIALECT)  # noqa: DTZ001 - the point of the test
