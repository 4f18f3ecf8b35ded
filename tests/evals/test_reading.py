"""Files of conversations: what is right is read, what is wrong is named by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogari.evals.cases import Expected, ExpectedCall, Line, Suite, Talk
from dialogari.evals.reading import EvalFileError, read_suite

GOOD = """\
prompt: reception
language: es
conversations:
  - name: hours
    facts: {Customer: Ada}
    turns:
      - say: When?
        must: nine|9
        must_not: [ten]
        tools: [look, {name: book, arguments: {day: Monday, people: 2, at: [1, 2.5]}}]
        within_ms: 1500
      - say: 9
  - name: booking
    caller: You want a table.
    max_turns: 3
    judge: Was it booked?
"""


def test_everything_is_read(tmp_path: Path) -> None:
    """Each field where it belongs; numbers that are meant as words are words."""
    (tmp_path / "f.yaml").write_text(GOOD)

    calls = [
        ExpectedCall("look"),
        ExpectedCall("book", {"day": "Monday", "people": 2, "at": [1, 2.5]}),
    ]
    lines = [
        Line("When?", Expected(("nine|9",), ("ten",), calls, "", 1500.0)),
        Line("9", Expected()),
    ]
    assert read_suite(tmp_path / "f.yaml") == Suite(
        str(tmp_path / "f.yaml"),
        [
            Talk("hours", lines, facts={"customer": "Ada"}),
            Talk("booking", [], "You want a table.", 3, Expected(judge="Was it booked?")),
        ],
        prompt="reception",
        language="es",
    )


def test_a_prompt_beside_the_file(tmp_path: Path) -> None:
    """prompt_file is found from the file's own folder."""
    (tmp_path / "p.md").write_text("Be nice, señora.", encoding="utf-8")
    (tmp_path / "f.yaml").write_text("prompt_file: p.md\nconversations: []")

    assert read_suite(tmp_path / "f.yaml").content == "Be nice, señora."


TURN = "conversations:\n- name: a\n  turns:\n  - "


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("conversations:\n- name: a\n  turn: []", 3, "'turn' is unknown; a conversation has name"),
        (TURN + "say: x\n    musst: y", 5, "'musst' is unknown; a turn has say, must"),
        (TURN + "must: y", 4, "say: is missing"),
        (TURN + "say:", 4, "say: is missing"),
        (TURN + "say: [x]", 4, "write a text here"),
        (TURN + "say: x\n    within_ms: soon", 5, "write a number from 1 to 600000"),
        (TURN + "say: x\n    within_ms: nan", 5, "write a number"),
        (TURN + "say: x\n    tools: book", 5, "write a list"),
        (TURN + "say: x\n    tools: [{arguments: {}}]", 5, "name: is missing"),
        (TURN + "say: x\n    tools: [{name: a, arguments: [b]}]", 5, "`name: value`"),
        (TURN + "say: x\n    tools: [{name: a, arguments: {b: !x c}}]", 5, "plain texts"),
        (TURN + "say: x\n    say: y", 5, "'say' stands here twice"),
        ("conversations:\n- turns: []", 2, "name: is missing"),
        ("conversations:\n- name: a", 2, "give either turns"),
        ("conversations:\n- name: a\n  turns: []\n  caller: b", 2, "give either turns"),
        ("conversations:\n- name: a\n  turns: []\n  must: b", 4, "must stands with a turn"),
        ("conversations:\n- name: a\n  caller: b\n  max_turns: 51", 4, "from 1 to 50"),
        ("conversations: x", 1, "write a list"),
        ("prompt: x", 1, "conversations: is missing"),
        ("prompt: x\nprompt_file: y\nconversations: []", 2, "not both"),
        ("prompt_file: none.md\nconversations: []", 1, "none.md can't be read"),
        ("- a", 1, "`name: value`"),
        ("conversations: [\n  a: b\n  c", 3, "no YAML"),
        ("a\tb: 'c", 1, "no YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, line: int, says: str) -> None:
    """File, line, and what to do."""
    path = tmp_path / "f.yaml"
    path.write_text(text)

    with pytest.raises(EvalFileError) as caught:
        read_suite(path)

    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "No such file"), (b"\xff", "not UTF-8"), (b"", "is empty"), (b"a: \x01", "characters")],
)
def test_files_that_are_none(tmp_path: Path, content: bytes | None, says: str) -> None:
    """Missing, of another encoding, empty, or not even text."""
    path = tmp_path / "f.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(EvalFileError, match=says):
        read_suite(path)
