"""Claims about prompts' places for facts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogari.agent.template import fill

FACTS = {"name": "Ana", "caller_number": "600 123", "año": "1984", "brace": "{{ name }}", "n2": "2"}

FILLED: list[tuple[str, str]] = [
    ("", ""),
    ("Hello", "Hello"),
    ("{{ name }}", "Ana"),
    ("{{name}}", "Ana"),
    ("{{\t name\n}}", "Ana"),
    ("{{ NAME }} {{ Name }}", "Ana Ana"),
    ("Hi {{ name }}, {{ caller_number }}.", "Hi Ana, 600 123."),
    ("{{ AÑO }}", "1984"),
    ("{{n2}}", "2"),
    ("{{ nothing }}", ""),
    ("a{{ nothing }}b", "ab"),
    ("{{ brace }}", "{{ name }}"),
    ("{{{ name }}}", "{Ana}"),
    ("{{{{ name }}}}", "{{Ana}}"),
    ("{{ name", "{{ name"),
    ("{{ name }", "{{ name }"),
    ("{ name }", "{ name }"),
    ("name }}", "name }}"),
    ("{{ }}", "{{ }}"),
    ("{{}}", "{{}}"),
    ("{{ two words }}", "{{ two words }}"),
    ("{{ name.upper }}", "{{ name.upper }}"),
    ("{{ name | upper }}", "{{ name | upper }}"),
    ("{% if name %}", "{% if name %}"),
    ("{{ {{ name }} }}", "{{ Ana }}"),
    ("{{ open {{ name }}", "{{ open Ana"),
    (r"\1 \g<0> {{ name }}", r"\1 \g<0> Ana"),
]


@pytest.mark.parametrize(("content", "expected"), FILLED)
def test_facts_are_filled_in(content: str, expected: str) -> None:
    """Each prompt becomes exactly this text."""
    assert fill(content, FACTS) == expected


@given(st.text())
def test_a_value_is_inserted_as_it_is(value: str) -> None:
    """No value is expanded again, whatever it looks like."""
    assert fill("<{{ x }}>", {"x": value, "name": "Ana"}) == f"<{value}>"


@given(st.text(" {}abc\n"))
def test_without_facts_only_places_go(content: str) -> None:
    """Nothing raises, and what isn't a place stays."""
    left = fill(content, {})
    assert len(left) <= len(content)
    if "{{" not in content:
        assert left == content


@pytest.mark.parametrize("piece", ["{", "{{", "{{ ", "{{ a", "}", " ", "{{ a }", "a"])
def test_a_megabyte_takes_no_time(piece: str) -> None:
    """The work grows with the length only."""
    content = "{{ " + piece * (1_000_000 // len(piece))
    began = time.process_time()
    fill(content, FACTS)
    assert time.process_time() - began < 2
