"""Claims about where sentences end on a stream."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.speech.tables import read_sentences
from dialogari.agent.speech.sentences import LONGEST, Sentences

CASES = read_sentences()
TEXTS = st.one_of(
    st.text(),
    st.text('aB1 .!?…\n()[]"»*-|`:,。¿', max_size=700),
    st.lists(st.sampled_from([text for text, _ in CASES]), max_size=8).map(" ".join),
)


def cut(*deltas: str) -> list[str]:
    """Feed the deltas and return all sentences."""
    sentences = Sentences()
    fed = [sentence for delta in deltas for sentence in sentences.feed(delta)]
    return fed + sentences.flush()


def without_blanks(text: str) -> str:
    """Return the text as its sentences can be compared with it."""
    return "".join(text.split())


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_a_text_is_cut_into_sentences(text: str, expected: list[str]) -> None:
    """Each line of sentences.txt is cut where it says, whole or letter by letter."""
    assert cut(text) == expected
    assert cut(*text) == expected


@settings(deadline=None)
@given(TEXTS, st.lists(st.integers(0, 400), max_size=12))
@example("a." + "." * 40 + " B", [3, 7, 20])
@example("word " * 200, [279, 280, 281])
@example("x" * 2000 + " y", [1119, 1120, 1121])
def test_the_cut_does_not_depend_on_the_deltas(text: str, places: list[int]) -> None:
    """However a text arrives, its sentences are the same."""
    marks = sorted({0, *(place for place in places if place < len(text))})
    deltas = [text[begin:end] for begin, end in pairwise([*marks, len(text)])]
    assert cut(*deltas) == cut(text) == cut(*text)


@settings(deadline=None)
@given(TEXTS)
def test_no_character_is_lost_or_moved(text: str) -> None:
    """Sentences one after another are the text, but for blanks; none is empty."""
    sentences = cut(text)
    assert without_blanks("".join(sentences)) == without_blanks(text)
    assert all(sentence and sentence == sentence.strip() for sentence in sentences)


def test_a_sentence_is_known_one_character_after_its_blank() -> None:
    """The first sentence leaves as soon as the next begins."""
    sentences = Sentences()
    assert sentences.feed("Hello there.") == []
    assert sentences.feed(" ") == []
    assert sentences.feed("H") == ["Hello there."]
    assert sentences.feed("i\n") == ["Hi"]
    assert sentences.flush() == []


def test_after_a_flush_it_begins_anew() -> None:
    """Nothing of one text shows in the next."""
    sentences = Sentences()
    sentences.feed("(open")
    assert sentences.flush() == ["(open"]
    assert sentences.feed("One. Two. ") == ["One."]


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("word " * 100, "word"),
        ("some words, " * 50, "words,"),
        ("uno dos: tres " * 40, "dos:"),
        ("12 34 56 por 78 " * 30, "por"),
        ("你好，" * 200, "，"),
    ],
)
def test_a_sentence_without_a_stop_is_cut_at_a_clause(text: str, end: str) -> None:
    """Long ones end at a comma if they have one, else at a blank, never between two numbers."""
    pieces = cut(text)
    assert len(pieces) > 1
    assert all(len(piece) <= LONGEST and piece.endswith(end) for piece in pieces[:-1])


def test_a_long_address_is_not_cut() -> None:
    """A word longer than a sentence stays whole, up to four times as long."""
    address = "https://example.com/" + "a.b/" * 200
    assert cut(f"See {address} today. Thanks.") == ["See", address, "today.", "Thanks."]
    assert max(map(len, cut("x" * 5000))) == 4 * LONGEST


@pytest.mark.parametrize(
    "piece", ["a.", ". ", "...", "! ", "(", "(. ", ")", "x", " ", "| a. ", '"']
)
def test_little_is_kept_back(piece: str) -> None:
    """What waits for more text is bounded, so that each delta costs the same."""
    sentences = Sentences()
    given_back = 0
    for fed in range(1, 20_001, 100):
        given_back += sum(len(without_blanks(one)) for one in sentences.feed(piece * 100))
        waiting = len(without_blanks(piece)) * (fed + 99) - given_back
        assert waiting <= 4 * LONGEST + 100 * len(piece)
