"""Claims about what is written out in English and Spanish, and what is left alone."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.speech.tables import read_spoken
from dialogari.agent.speech import make_speakable
from dialogari.agent.speech.language import say_in
from dialogari.dialplan.variables import make_safe

ENGLISH, SPANISH = read_spoken("english.txt"), read_spoken("spanish.txt")
LANGUAGES = st.sampled_from(["en", "es"])

# Letters that make no abbreviation, month, cue or unit, so that every word is a plain one.
WORD = st.text("bcdfñáü", min_size=4, max_size=8)
PLAIN = st.lists(st.one_of(WORD, WORD.map(str.capitalize)), min_size=1, max_size=6)
WRITTEN = {"en": [written for written, _ in ENGLISH], "es": [written for written, _ in SPANISH]}

NASTY = [
    "1", "1 ", "1.", "1,1", "1.111", "1:30", "1-", "1 - ", "-", "a.", "a@", "@", "a@a.", "www.",
    "http://", "/", "a b ", "$1", "1 $", "€1-", "+1 ", "(1)", "11 11 ", "call ", "call a ",
    "llame al 1", "ext ", "p. ", "Mon-", "1 Nov", "Jan. ", "siglo X", " & ", "<1", "#", "°", " ",
    "A ", "1º", "22/11/", "2026-", "T", "de 9:00 a 9:00 ", "9 a. m. ", "$1 - $", "1 M€", "1h",
    "1 km", "St.", "A St.", "No. 1", "1\u20131", "1/1/", "255.", "1%-", ".a", "a" * 30 + " ",
]  # fmt: skip


@pytest.mark.parametrize(("written", "said"), ENGLISH)
def test_english_is_said(written: str, said: str) -> None:
    """Each line of english.txt is said as it stands there."""
    assert make_speakable(written, "en") == said


@pytest.mark.parametrize(("written", "said"), SPANISH)
def test_spanish_is_said(written: str, said: str) -> None:
    """Each line of spanish.txt is said as it stands there."""
    assert make_speakable(written, "es") == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("en-US", "On 03/04/2026", "On March 4, 2026"),
        ("en-GB", "On 03/04/2026", "On April 3, 2026"),
        ("en_US", "On 03/04/26", "On March 4, 2026"),
        ("en", "On 03/04/2026", "On 03/04/2026"),
        ("es-ES", "Son 1.250 €", "Son 1250 euros"),
        ("es-MX", "Son 1,250 €", "Son 1250 euros"),
        ("es-MX", "Son $1,250.50", "Son 1250 pesos con 50 centavos"),
        ("es-MX", "Son 2.5 kg", "Son 2.5 kilos"),
        ("es-AR", "Son $1.250,50", "Son 1250 pesos con 50 centavos"),
        ("es-419", "Son $5", "Son 5 dólares"),
        ("es-Latn-CL", "Son $5", "Son 5 pesos"),
        ("Spanish", "Son 5 €", "Son 5 euros"),
        (" EN ", "It is 5 km", "It is 5 kilometers"),
        ("es-MX.UTF-8", "Son $5", "Son 5 pesos"),
    ],
)
def test_a_region_decides_what_differs(language: str, written: str, said: str) -> None:
    """The order of dates, the decimal mark and the dollar sign are the region's."""
    assert make_speakable(written, language) == said


@pytest.mark.parametrize("language", [None, "", "de", "fr-FR", "est", "enx", "?", "e" * 10_000])
def test_another_language_loses_only_its_markdown(language: str | None) -> None:
    """Nothing is written out in a language that we have no rules for."""
    assert make_speakable("**Es** sind 12,50 € um 9:00 😀.", language) == "Es sind 12,50 € um 9:00."


@settings(deadline=None)
@given(LANGUAGES, st.data(), st.lists(PLAIN, min_size=2, max_size=4))
def test_no_word_is_ever_lost(language: str, data: st.DataObject, groups: list[list[str]]) -> None:
    """Every word that is no part of what is recognised is still there, in order."""
    written = data.draw(st.lists(st.sampled_from(WRITTEN[language]), min_size=4, max_size=4))
    gap = st.sampled_from([" ", ", ", ". ", "; ", "? ", " (", ") ", ": ", "\n"])
    pairs = zip(groups, written, strict=False)
    text = "".join(" ".join(group) + data.draw(gap) + one + " " for group, one in pairs)
    said = iter(re.findall(r"\w+", say_in(language, text)))
    assert all(word in said for group in groups for word in group)


@settings(deadline=None)
@given(
    LANGUAGES, PLAIN, st.sampled_from([" ", ", ", ". ", "! ¿", " - ", "\n", " (", "/", "'", "-"])
)
def test_plain_text_is_left_alone(language: str, plain: list[str], gap: str) -> None:
    """Words without digits, signs and abbreviations come back unchanged."""
    assert say_in(language, gap.join(plain)) == gap.join(plain)


@settings(deadline=None)
@given(LANGUAGES, st.data(), PLAIN)
def test_what_has_been_said_is_not_said_again(
    language: str, data: st.DataObject, plain: list[str]
) -> None:
    """Saying a text twice is the same as saying it once."""
    written = data.draw(st.lists(st.sampled_from(WRITTEN[language]), min_size=1, max_size=4))
    once = say_in(language, f" {' '.join(plain)}, ".join(written))
    assert say_in(language, once) == once


@settings(deadline=None)
@given(LANGUAGES, st.one_of(st.text(), st.text("0123456789 .,:/-–+€$%hkmpaºX@w#<&\n()")))
def test_anything_can_be_said(language: str, text: str) -> None:
    """Nothing raises, and no line appears or goes."""
    assert say_in(language, text).count("\n") <= text.count("\n")


@pytest.mark.parametrize(("language", "table"), [("en", ENGLISH), ("es", SPANISH)])
def test_what_is_said_survives_the_dialplan(language: str, table: list[tuple[str, str]]) -> None:
    """What a dialplan can't hold, such as `$` and `<`, has become words before it is dropped."""
    for written, _ in table:
        if any(sign in "$<>|" for sign in written) and not re.search(r"\$HOME|<http|C/", written):
            said = make_speakable(written, language)
            assert make_safe(said) == said


def cost(language: str, text: str) -> float:
    """Return the processor time of saying a text, the best of three."""
    spent: list[float] = []
    for _ in range(3):
        began = time.process_time()
        say_in(language, text)
        spent.append(time.process_time() - began)
    return min(spent)


@pytest.mark.parametrize("piece", NASTY)
@pytest.mark.parametrize("language", ["en", "es"])
def test_a_longer_text_takes_longer_in_proportion(language: str, piece: str) -> None:
    """Ten times the text is not a hundred times the work, as it is where patterns backtrack."""
    short, long = (cost(language, (piece * length)[:length]) for length in (4_000, 40_000))
    assert long < 40 * max(short, 0.001)
