"""What conversations the store finds; the API's own tests show the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogari.store.errors import UnknownConversationError
from dialogari.store.folding import fold
from dialogari.store.store import Store, open_store
from store.turn_records import CALL, turn

if TYPE_CHECKING:
    from store.behind import Behind

_BACK_TO_0002 = """
ALTER TABLE conversations DROP COLUMN summary;
ALTER TABLE conversations DROP COLUMN summary_turns;
ALTER TABLE conversations DROP COLUMN summary_since;
ALTER TABLE prompt_versions DROP COLUMN tool_phrase;
DROP TABLE mcp_servers;
ALTER TABLE turns DROP COLUMN kept;
ALTER TABLE prompt_versions DROP COLUMN actions;
ALTER TABLE prompt_versions DROP COLUMN transfers;
DROP INDEX ix_conversations_caller;
ALTER TABLE conversations DROP COLUMN caller;
ALTER TABLE turns DROP COLUMN cost;
ALTER TABLE turns DROP COLUMN asked;
DROP TABLE api_keys;
DROP INDEX ix_conversations_last_turn_at_id;
ALTER TABLE turns DROP COLUMN folded;
UPDATE alembic_version SET version_num = '0002';
"""


async def test_turns_from_before_are_found(url: str, behind: Behind) -> None:
    """The migration folds what older versions have stored."""
    async with open_store(url) as store:
        for number in range(1, 4):
            await store.history.append(turn(number, question=f"¿Número {number}?"))
    behind.execute(_BACK_TO_0002)

    async with open_store(url) as store:
        found = await store.conversations.list_conversations(10, query="numero 3")
        missing = await store.conversations.list_conversations(10, query="numero 4")

    assert [conversation.key for conversation in found] == [CALL]
    assert missing == []


async def test_a_forgotten_conversation_leaves_no_row(store: Store, behind: Behind) -> None:
    """Neither its words nor its id are in the database."""
    await store.history.append(turn(1, question="my secret"))

    await store.conversations.forget_conversation(CALL.id)

    assert behind.query("SELECT id FROM turns") == []
    assert behind.query("SELECT id FROM conversations") == []
    with pytest.raises(UnknownConversationError):
        await store.conversations.find_conversation(CALL.id)


@given(st.text())
def test_folding_is_done_once(text: str) -> None:
    """What is folded stays as it is, and upper and lower case fold alike."""
    once = fold(text)

    assert fold(once) == once
    assert fold(text.upper().lower()) == fold(text.lower().upper().lower())
