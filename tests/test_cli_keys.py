"""`dialogari key …`, and the options of `dialogari prompt set`, as an operator uses them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from processes import run

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_key_from_its_making_to_its_end(tmp_path: Path) -> None:
    """Printed once, alone on standard output; listed by name; revoked."""
    made = await run(tmp_path, "key", "new", "crm")
    again = await run(tmp_path, "key", "new", "crm")
    odd = await run(tmp_path, "key", "new", "a b")
    listed = await run(tmp_path, "key", "list")
    revoked = await run(tmp_path, "key", "revoke", "crm")
    gone = await run(tmp_path, "key", "revoke", "crm")

    assert made.code == 0
    assert made.out.startswith("dialogari_")
    assert made.out.count("\n") == 1
    assert (again.code, odd.code) == (1, 1)
    assert "crm" in again.err
    assert "crm" in listed.out
    assert made.out.strip() not in listed.out
    assert (revoked.code, gone.code) == (0, 1)
    assert "Traceback" not in again.err + odd.err + gone.err


async def test_a_key_that_can_not_be_sent(tmp_path: Path) -> None:
    """A DIALOGARI_API_KEY with a blank in it stops the start with its name, and is not shown."""
    ended = await run(tmp_path, "key", "list", DIALOGARI_API_KEY="two words-of-mine")

    assert ended.code == 2
    assert ended.err.startswith("DIALOGARI_API_KEY: ")
    assert "words-of-mine" not in ended.err


async def test_all_that_a_prompt_has(tmp_path: Path) -> None:
    """Language, note and model go into its row."""
    options = ("--language", "es-MX", "--note", "why", "--model", "openai:x")
    ended = await run(tmp_path, "prompt", "set", "shop", "Be brief.", *options)

    database = tmp_path / ".local/state/dialogari/dialogari.db"
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT language, note, model FROM prompt_versions WHERE name = 'shop'"
        ).fetchall()

    assert ended.out == "shop: version 1\n"
    assert rows == [("es-MX", "why", "openai:x")]
