"""Claims about answers made fit to be spoken: what goes, what stays, that it never takes long."""

from __future__ import annotations

import string
import time
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dialogari.agent.speech import make_speakable

SPOKEN: list[tuple[str, str]] = [
    # Plain text is left alone.
    ("", ""),
    ("Hola", "Hola"),
    ("Abrimos de 9 a 18, de lunes a viernes.", "Abrimos de 9 a 18, de lunes a viernes."),
    ("¿Qué tal? ¡Bien!", "¿Qué tal? ¡Bien!"),
    ("Listo 😀 👨‍👩‍👧", "Listo"),
    ("It's 5 o'clock - not 6.", "It's 5 o'clock - not 6."),
    ("2 * 3 * 4", "2 * 3 * 4"),
    ("2*3*4", "2*3*4"),
    ("2*3 y 4*5", "2*3 y 4*5"),
    ("a*b*c", "a*b*c"),
    ("2**3**4", "2**3**4"),
    ("a ** b", "a ** b"),
    ("snake_case", "snake_case"),
    ("a_b_c", "a_b_c"),
    ("10 < 20 > 5", "10 < 20 > 5"),
    ("si x<y and z>w", "si x<y and z>w"),
    ("si x<a and b>c", "si x<a and b>c"),
    ("Diga <nombre> por favor", "Diga <nombre> por favor"),
    ("$5, 6 € y 10%", "$5, 6 € y 10%"),
    ("-5 grados", "-5 grados"),
    ("C#", "C#"),
    ("#5", "#5"),
    ("Sala # 5", "Sala # 5"),
    ("AT&T", "AT&T"),
    ("C:\\temp\\x", "C:\\temp\\x"),
    ("1984 was a year", "1984 was a year"),
    ("3.5 por ciento", "3.5 por ciento"),
    ("18:00 - 20:00", "18:00 - 20:00"),
    ("+34 600 123 456", "+34 600 123 456"),
    ("Rellene ____ aquí", "Rellene ____ aquí"),
    ("[Nota]: hoy", "[Nota]: hoy"),
    ("Marque *67 o *#06#", "Marque *67 o *#06#"),
    ("Marque **21*600123456#", "Marque **21*600123456#"),
    ("Marque *21*600#, luego #", "Marque *21*600#, luego #"),
    ("Hotel de 4*", "Hotel de 4*"),
    # Numbers at the start of a line are content, whatever Markdown takes them for.
    ("1984.", "1984."),
    ("1984. Buen año", "1984. Buen año."),
    ("3. Mayo", "3. Mayo."),
    ("5)", "5."),
    ("1. uno\n2. dos.", "1. uno.\n2. dos."),
    ("1.\n2.", "1.\n2."),
    # Emphasis.
    ("**Lunes:** de 9 a 18", "Lunes: de 9 a 18"),
    ("un *muy* buen __día__ _hoy_", "un muy buen día hoy"),
    ("***muy*** bien", "muy bien"),
    ("Total: **5**€", "Total: 5€"),
    ("**10*2**", "10*2"),
    ('**"Hola"**', '"Hola"'),
    ("这是*重要*的。", "这是重要的。"),
    ("~~10~~ 8 euros", "10 8 euros"),
    ("\\*no\\*", "no"),
    ("https://a.es/_x_/b_c y www.b.es", "https://a.es/_x_/b_c y www.b.es"),
    # What was never closed, or opened, goes too.
    ("**Importante: hoy", "Importante: hoy"),
    ("hoy** no", "hoy no"),
    ("hoy no**.", "hoy no."),
    ("*hola", "hola"),
    ("(**hola", "(hola"),
    ("__hola", "hola"),
    ("un ` suelto", "un suelto"),
    ("gratis* (*IVA aparte)", "gratis (IVA aparte)"),
    ("*a 2*3", "a 2*3"),
    # Blocks end as sentences.
    ("# Horario", "Horario."),
    ("## C#", "C#."),
    ("# ¿Dónde? #", "¿Dónde?"),
    ("Horario\n---\nDe 9 a 18", "Horario.\nDe 9 a 18"),
    ("# 5", "5."),
    ("- 5 grados", "5 grados."),
    ("- uno\n* dos\n+ tres!", "uno.\ndos.\ntres!"),
    ("- (uno.)\n- «¿dos?»", "(uno.)\n«¿dos?»"),
    ("Hay:\n\n- té;\n- café", "Hay:\nté;\ncafé."),
    ("- uno\n  - dos\n    1. tres", "uno.\ndos.\n1. tres."),
    ("- uno\n\n  más\n- \n- dos", "uno.\nmás.\ndos."),
    ("Hola\n\nAdiós", "Hola.\nAdiós"),
    ("Hola.\n\n\n\nAdiós.", "Hola.\nAdiós."),
    ("Listo 😀\n\nAdiós", "Listo.\nAdiós"),
    ("> una cita\n> larga", "una cita\nlarga"),
    ("uno\n\n---\n\ndos", "uno.\ndos"),
    ("---", ""),
    ("-", ""),
    # Lines within a paragraph.
    ("uno\ndos  \ntres\\\ncuatro", "uno\ndos\ntres\ncuatro"),
    ("    muy adentro", "muy adentro"),
    ("a  b\tc\u00a0d", "a b c d"),
    # Links, pictures, code, tables.
    ("Vea [la web](https://a.es 'x').", "Vea la web."),
    ("Vea [**la** web](<https://a.es>).", "Vea la web."),
    ("<https://a.es> y <a@b.es>", "https://a.es y a@b.es"),
    ("![un *mapa*](m.png)", "un mapa"),
    ("Use `a_b` y ``c ` d``", "Use a_b y c d"),
    ("```python\nx = 1\n```", "x = 1"),
    ("```\nx = 1", "x = 1"),
    ("``` hola a todos\nadiós", "hola a todos\nadiós"),
    ("| Día | Hora |\n|---|:-:|\n| Lunes | 9 |\n| Martes | |", "Día, Hora.\nLunes, 9.\nMartes."),
    # HTML and entities.
    ("<b>Hola</b><br>adiós<br />ya", "Hola\nadiós\nya"),
    ('<a href="x">web</a> <!-- no -->sí', "web sí"),
    ("<div class='x'>\n**Hola** a\n</div>", "Hola a"),
    ("<p>Hola &amp; adiós</p>", "Hola & adiós"),
    ("5 &lt; 6 &eacute; &copy;", "5 < 6 é ©"),
    ("`<b>`", "<b>"),
    # Controls.
    ("a\x00b\x07c\x1b[1md\x7f\x9fe", "abc[1mde"),
    ("a\r\nb\rc\u2028d\x0be", "a\nb\nc\nd\ne"),
    ("\ud800hola\udfff", "hola"),
    ("&#7;a&#xD800;", "a"),
]

SENTENCE = st.lists(
    st.text(string.ascii_letters + string.digits, min_size=1, max_size=8), min_size=1, max_size=12
)
PUNCTUATION = st.sampled_from([" ", " ", ", ", ". ", "? ", "! ", ": ", "; ", "\n", " - ", "\n\n"])


def letters_of(text: str) -> str:
    """Return the letters and digits of a text, in order."""
    return "".join(letter for letter in text if letter.isalnum())


@pytest.mark.parametrize(("answer", "expected"), SPOKEN)
def test_an_answer_is_made_speakable(answer: str, expected: str) -> None:
    """Each answer becomes exactly this text."""
    assert make_speakable(answer) == expected


@settings(deadline=None)
@given(st.one_of(st.text(), st.text("ab1 \n\t*_`~#>-+.()[]!<>&;:|\\\"'=/{}\x00\ud800é😀")))
@example("![" * 300)
@example("\\" * 99)
def test_anything_can_be_made_speakable(answer: str) -> None:
    """Nothing raises; the result is valid text without control characters and empty lines."""
    spoken = make_speakable(answer)
    spoken.encode("utf-8")
    assert not any(unicodedata.category(one) == "Cc" for one in spoken if one != "\n")
    assert spoken == "\n".join(line.strip() for line in spoken.split("\n") if line.strip())


@settings(deadline=None)
@given(SENTENCE, st.data())
def test_words_of_sentences_are_never_lost(words: list[str], data: st.DataObject) -> None:
    """Sentences of plain words keep all of them, in order, whatever they begin with."""
    answer = "".join(word + data.draw(PUNCTUATION) for word in words)
    spoken = make_speakable(answer).split()
    assert letters_of("".join(spoken)) == "".join(words)


@settings(deadline=None)
@given(SENTENCE)
def test_a_plain_line_stays_as_it_is(words: list[str]) -> None:
    """A line of words has nothing added and nothing removed."""
    assert make_speakable(" ".join(words)) == " ".join(words)


@settings(deadline=None)
@given(st.text("ab1 \n\t*_#>-+.)[]!:;\\\"'=/{}é"))
@example("[a]: b")
@example("> " * 30 + "deep")
@example("- " * 30 + "deep")
def test_marks_never_take_words_with_them(answer: str) -> None:
    """Without links, HTML, entities, code and tables every letter and digit comes through."""
    assert letters_of(make_speakable(answer)) == letters_of(answer)


def test_what_the_parser_cannot_take_is_still_stripped() -> None:
    """A very long answer, or one full of brackets, loses its marks and none of its words."""
    spoken = make_speakable("# Hola\n\n- **uno** y [dos](http://x)\n<b>tres</b>\n" * 1500)
    assert spoken.startswith("Hola\nuno y dos\ntres\nHola\n")
    assert len(spoken.split()) == 5 * 1500
    brackets = "[" * 1001
    assert make_speakable(f"# Hola&#7; {brackets}") == f"Hola {brackets}"


@pytest.mark.parametrize(
    "piece",
    [
        *"[]()*_`<>&|!~#-\\\n\u0301",
        "![", "[a](", "> ", "- ", "1. ", "> - ", "*a* ", "a*", "**a ", "*_", "(__a", "<a ", "<!--",
        "<b a==", "[](", "![[]()", "- a\n", "a\n\n", "a|b\n-|-\n", "~~a", "``` ", "&#1;", "<div>\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("length", [32_000, 100_000])
def test_a_pathological_answer_takes_no_time(piece: str, length: int) -> None:
    """Under a second of processor time for 100 kB, and for the longest that is parsed."""
    answer = (piece * length)[:length]
    began = time.process_time()
    make_speakable(answer)
    assert time.process_time() - began < 1


def test_pictures_within_pictures_do_no_harm() -> None:
    """Descriptions nested deeper than Python's stack neither raise nor lose a word."""
    assert letters_of(make_speakable("![a" * 900 + "](x)" * 900)).count("a") == 900
