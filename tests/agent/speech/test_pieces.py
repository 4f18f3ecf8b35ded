"""Claims about Markdown that arrives in pieces and is spoken sentence by sentence."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.speech.test_markdown import SPOKEN
from dialogari.agent.speech import SpokenPieces, make_speakable

WORD = st.text("bcdfñáü", min_size=4, max_size=8)


def speak(text: str, language: str | None = None, size: int = 3) -> list[str]:
    """Feed the text in deltas of a size and return what is spoken."""
    pieces = SpokenPieces(language)
    deltas = (text[at : at + size] for at in range(0, len(text), size))
    return [piece for delta in deltas for piece in pieces.feed(delta)] + pieces.flush()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**Hola. Adiós** ya.", ["Hola.", "Adiós ya."]),
        ("_Hola. Adiós_ ya.", ["Hola.", "Adiós ya."]),
        ("*Hola. Adiós.*", ["Hola.", "Adiós."]),
        ("~~Uno. Dos~~ tres.", ["Uno.", "Dos tres."]),
        ("# Horario\n\n- Lunes\n- Martes. Tarde", ["Horario.", "Lunes.", "Martes.", "Tarde"]),
        ("1. Uno. Más.\n2. Dos", ["1. Uno.", "Más.", "2. Dos."]),
        ("- a\n  - bb\n    1. cc\n", ["a.", "bb.", "1. cc."]),
        ("```python\nx = *1*\n```\n**Fin**", ["x = *1*", "Fin"]),
        ("~~~\n```\na_b\n~~~\n_Fin_", ["a_b", "Fin"]),
        ("``` hola a todos\nadiós", ["hola a todos", "adiós"]),
        (
            "| Día | Hora |\n|---|:-:|\n| Lunes. Sí | 9 |\nFin",
            ["Día, Hora.", "Lunes. Sí, 9.", "Fin"],
        ),
        ("|a|b|\n|-|-|\n|c|\n", ["a, b.", "c."]),
        ("Vea [la web. Hoy](https://a.es). Fin.", ["Vea la web. Hoy.", "Fin."]),
        ("> Cita. Más.\n> Fin.", ["Cita.", "Más.", "Fin."]),
        ("Uno\n\n---\n\nDos 😀\n👍\n", ["Uno", "Dos"]),
        ("<b>Uno. Dos</b>", ["Uno.", "Dos"]),
        ("• Uno\n• Dos", ["Uno.", "Dos."]),
        ("Use `uno. Dos` hoy.", ["Use uno.", "Dos hoy."]),
        ("", []),
        ("**", []),
    ],
)
def test_markdown_over_several_pieces(text: str, expected: list[str]) -> None:
    """No piece has a mark left of what another began, whatever the size of the deltas."""
    assert speak(text, size=1) == expected
    assert speak(text, size=1000) == expected


def test_pieces_are_said_in_their_language() -> None:
    """Each piece is written out as the whole answer would be."""
    text = "Cuesta 12,50 €. Llame al **600 123 456**. Pregunte por el Sr. García, p. ej. hoy."
    assert speak(text, "es") == [
        "Cuesta 12 euros con 50 céntimos.",
        "Llame al 6 0 0, 1 2 3, 4 5 6.",
        "Pregunte por el Señor García, por ejemplo hoy.",
    ]


def test_the_first_sentence_is_spoken_while_the_second_is_written() -> None:
    """Nothing waits for the end of the answer."""
    pieces = SpokenPieces("en")
    assert pieces.feed("**It is $5.** A") == ["It is 5 dollars."]


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return re.findall(r"\w+", text)


BLOCK = st.builds(
    str.format,
    st.sampled_from(
        ["{0}. {1}.", "**{0}. {1}** {2}.", "*{0}* {1}!", "# {0}", "- {0}. {1}", "1. {0}",
         "> {0}? {1}", "[{0}. {1}](https://a.es/b) {2}.", "`{0}` {1}.", "| {0} | {1} |",
         "```\n{0}. {1}\n```", "_{0}. {1}_ {2}.", "- **{0}:** {1}", "{0} ({1}. {2})."]
    ),
    WORD, WORD, WORD,
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(BLOCK, max_size=6).map("\n\n".join), st.sampled_from([None, "en", "es"]))
def test_pieces_say_the_words_of_the_whole(text: str, language: str | None) -> None:
    """Sentence by sentence or at once, the same words are spoken, without any Markdown."""
    spoken = " ".join(speak(text, language))
    assert words(spoken) == words(make_speakable(text, language))
    assert not re.search(r"[*_`#\[\]>]|https", spoken)


@settings(deadline=None)
@given(st.text(), st.sampled_from([None, "en", "es"]))
def test_anything_can_be_spoken_in_pieces(text: str, language: str | None) -> None:
    """Nothing raises, and no piece is without something to say."""
    assert all(any(map(str.isalnum, piece)) for piece in speak(text, language))


def test_the_markdown_table_in_pieces() -> None:
    """Single lines of the Markdown table lose no word in pieces."""
    for text, expected in SPOKEN:
        if "\n" not in text:
            assert words(" ".join(speak(text))) == words(expected), text
