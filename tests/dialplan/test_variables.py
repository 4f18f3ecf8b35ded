"""Claims about the variables a turn writes: safe, short enough, complete and in order."""

from __future__ import annotations

import json
import time
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dialogari.dialplan.variables import make_safe, response_variables, split_answer
from dialogari.turn import Side, Status, TurnResponse

LONGEST = 4000
FORBIDDEN = '"\\`$|<>;{}'

SAFE: list[tuple[str, str]] = [
    ("", ""),
    ("Hola", "Hola"),
    ("¿Qué tal? ¡Bien!", "¿Qué tal? ¡Bien!"),
    ("Sí, mañana, a las 9.", "Sí, mañana, a las 9."),
    ("It's fine", "It's fine"),
    ("😀 👨‍👩‍👧 🇪🇸 é é", "😀 👨‍👩‍👧 🇪🇸 é é"),
    ("  a  b  ", "a b"),
    ("a\nb\r\nc\td\ve\ff", "a b c d e f"),
    ("a\x85b\u2028c\u2029d", "a b c d"),
    ("a\u00a0b\u3000c", "a b c"),
    ("a\x00b\x07c\x1bd\x7fe\x9ff", "abcdef"),
    ("\ud800a\udc00", "a"),
    ('say "hi"', "say hi"),
    ("a;b", "a,b"),
    ("a\\b|c<d>e", "a b c d e"),
    ("`rm` ${EXTEN} $[1+1]", "rm EXTEN [1+1]"),
    ("{a}", "a"),
    ("(a) [b]", "(a) [b]"),
    ("(a [b] c)", "(a [b] c)"),
    ("()", "()"),
    ("(a", "a"),
    ("a)", "a"),
    (":-) :-(", ":- :-"),
    ("a) b: c", "a b: c"),
    (")(", ""),
    ("([)]", "()"),
    ("(a [b) c]", "(a b) c"),
    ("[a (b] c)", "[a b] c"),
    ("((a)", "(a)"),
    ("(a))", "(a)"),
    ("a ( b", "a b"),
    ("( ;", ","),
    ('"', ""),
    ("\n\n", ""),
]


def is_paired(text: str) -> bool:
    """Whether every bracket has its partner, by a stack that knows nothing of the code."""
    opened: list[str] = []
    for letter in text:
        if letter in "([":
            opened.append(letter)
        elif letter in ")]" and (not opened or opened.pop() + letter not in ("()", "[]")):
            return False
    return not opened


def is_safe(text: str) -> bool:
    """Whether the contract's promises about AI_RESPONSE hold."""
    text.encode("utf-8")
    controls = any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in text)
    return not controls and is_paired(text) and not any(mark in text for mark in FORBIDDEN)


nasty = st.text(
    st.one_of(st.characters(), st.sampled_from('()[]()[]  .,;\n"\\`$|<>{}\ud800\x00é😀'))
)
plain_words = st.text("abcñé😀.", min_size=1, max_size=30)


@st.composite
def long_texts(draw: st.DrawFn) -> str:
    """Return a text long enough to be split, made of one piece over and over."""
    return draw(st.text(min_size=1, max_size=60)) * draw(st.integers(1, 4000))


@pytest.mark.parametrize(("text", "expected"), SAFE)
def test_text_is_made_safe(text: str, expected: str) -> None:
    """Each text becomes exactly this one."""
    assert make_safe(text) == expected


@given(nasty)
def test_whatever_a_model_says_is_safe(text: str) -> None:
    """No character of meaning to Asterisk is left, and safe text doesn't change any more."""
    safe = make_safe(text)
    assert is_safe(safe)
    assert safe == " ".join(safe.split())
    assert make_safe(safe) == safe


@given(st.text("abc ()[]", max_size=40))
def test_paired_brackets_stay(text: str) -> None:
    """A text whose brackets are all paired keeps them."""
    if is_paired(text):
        assert make_safe(text) == " ".join(text.split())


@pytest.mark.parametrize("text", ["", "Hola.", "x" * LONGEST, "é" * 2000, "a " * 1999 + "bb"])
def test_a_short_answer_is_one_part(text: str) -> None:
    """What fits into 4,000 bytes isn't split; nothing to say is one empty part."""
    assert split_answer(text) == [text]


def test_parts_end_at_sentences() -> None:
    """A part ends at the last sentence that fits, and the rest begins the next one."""
    sentence = "Abrimos de lunes a viernes. "
    parts = split_answer(sentence * 400)
    assert len(parts) == 3
    assert all(part.endswith("viernes.") and part.startswith("Abrimos") for part in parts)
    assert LONGEST - 30 < len(parts[0]) <= LONGEST
    assert " ".join(parts) == (sentence * 400).strip()


@pytest.mark.parametrize("end", [".", "!", "?", "…", ".)", "?»", '."', ".\u2019", "?)."])
def test_closing_marks_belong_to_their_sentence(end: str) -> None:
    """A sentence may end with brackets or quotes after its full stop."""
    sentence = "(" * end.count(")") + "x" * 3000 + end
    assert split_answer(f"{sentence} {'y ' * 1000}")[0] == make_safe(sentence)


def test_chinese_sentences_end_without_a_blank() -> None:
    """A full-width full stop ends a sentence though no blank follows."""
    parts = split_answer("我们早上九点开门。" * 200)
    assert all(part.endswith("。") for part in parts)
    assert "".join(parts) == "我们早上九点开门。" * 200


def test_a_decimal_point_ends_no_sentence() -> None:
    """`3.5` isn't parted at its point; without a sentence's end the cut is at a blank."""
    parts = split_answer("vale 3.5 euros " * 300)
    assert not parts[0].endswith("3.")
    assert " ".join(parts) == ("vale 3.5 euros " * 300).strip()


def test_a_sentence_in_the_first_half_is_too_early() -> None:
    """A part is rather cut at a blank than left less than half full."""
    parts = split_answer("Uno. " + "dos " * 1500)
    assert len(parts[0]) > LONGEST - 5


def test_a_word_is_cut_only_where_it_must_be() -> None:
    """A blank anywhere is better than a cut in a word; a word without end is cut all the same."""
    assert split_answer("a" * 100 + " " + "b" * 3950) == ["a" * 100, "b" * 3950]
    assert split_answer("a" * 100 + " " + "b" * 4000) == ["a" * 100, "b" * 4000]
    assert split_answer("aa " + "b" * 3997 + " c") == ["aa " + "b" * 3997, "c"]
    assert split_answer("a" * 5000) == ["a" * LONGEST, "a" * 1000]


@pytest.mark.parametrize(
    "character",
    ["é", "ñ", "😀", "👍🏽", "👨‍👩‍👧‍👦", "🇪🇸", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣"],
)
@pytest.mark.parametrize("shift", range(8))
def test_no_character_is_cut(character: str, shift: int) -> None:
    """What a reader sees as one character stays in one part, wherever the cut falls."""
    character = unicodedata.normalize("NFD", character)
    parts = split_answer("a" * shift + character * 1000)
    assert len(parts) > 1 or len(character.encode()) * 1000 <= LONGEST
    first, *rest = parts
    assert len(first[shift:]) % len(character) == 0
    assert all(len(part) % len(character) == 0 for part in rest)


def test_at_most_eight_parts_and_the_last_ends_a_sentence() -> None:
    """What doesn't fit into eight parts is dropped at the end of a sentence."""
    sentence = "Esta es la frase número uno. "
    parts = split_answer(sentence * 3000)
    assert len(parts) == 8
    assert parts[7].endswith("uno.")
    late = split_answer("palabra " * 3500 + "Fin. " + "palabra " * 3000)
    assert late[7].endswith("Fin.")
    assert len(late[7]) < LONGEST / 2


def test_brackets_parted_by_a_cut_go() -> None:
    """Each part is safe by itself, even where a pair of brackets spans two of them."""
    parts = split_answer("(" + "a " * 2500 + ") [b]")
    assert parts[0].startswith("a a")
    assert parts[1].endswith("a [b]")


def test_an_answer_of_brackets_still_has_a_part() -> None:
    """Where nothing is left of the parts, there is one and it is empty."""
    assert split_answer("(" * 20_000 + ")" * 20_000) == [""]


@settings(deadline=None)
@given(long_texts())
@example("([" * 30_000)
@example("e" + "\u0301" * 30_000)
@example("🇪" * 9001)
def test_every_part_is_short_and_safe(text: str) -> None:
    """Whatever the answer, one to eight parts of at most 4,000 bytes, each safe, none blank."""
    parts = split_answer(text)
    assert 1 <= len(parts) <= 8
    assert all(len(part.encode()) <= LONGEST and is_safe(part) for part in parts)
    assert parts == [""] or all(parts)


@settings(deadline=None)
@given(st.lists(plain_words, min_size=1, max_size=40), st.integers(1, 40))
def test_nothing_is_lost_between_parts(words: list[str], times: int) -> None:
    """Joined by a blank, the parts of a text without brackets are the text."""
    text = " ".join(words * times)
    parts = split_answer(text)
    if len(parts) < 8:
        assert " ".join(parts) == make_safe(text)


@settings(deadline=None)
@given(st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=40), st.integers(1, 400))
def test_no_character_is_lost_between_parts(words: list[str], times: int) -> None:
    """Brackets and blanks apart, every character of the safe text is in a part, in order."""
    text = " ".join(words * times)
    parts = split_answer(text)
    if len(parts) < 8:
        drop = str.maketrans("", "", " ()[]")
        assert "".join(parts).translate(drop) == make_safe(text).translate(drop)


@pytest.mark.parametrize(
    "piece", ["(", "[", ")", "([", "()", "([)]", "a ", "a", ". ", "\n", "é", "\u0301", "😀\u200d"]
)
def test_a_megabyte_takes_no_time(piece: str) -> None:
    """The work grows with the length only: a megabyte is done in well under two seconds."""
    text = (piece * (1_000_000 // len(piece))) + "x"
    began = time.process_time()
    split_answer(text)
    assert time.process_time() - began < 2


OK = TurnResponse(
    Status.OK, "Abrimos a las 9; gracias", number=3, model="openai:gpt-x", fallback_text="Lo siento"
)
ALWAYS = [
    "AI_RESPONSE",
    *(f"AI_RESPONSE_{number}" for number in range(1, 9)),
    "AI_RESPONSE_COUNT",
    "AI_ERROR",
    "ARI_ERROR",
    "SYSTEM_ERROR",
    "AI_MODEL_USED",
    "AI_LATENCY_MS",
    "AI_TURN",
    "AI_ACTION",
    "AI_ACTION_TARGET",
    "AI_MORE",
    "AI_STATUS",
]


def test_an_answer_is_written_whole() -> None:
    """Every variable of an answered turn has its value, in order, AI_STATUS last."""
    variables = response_variables(OK, 1.2345)
    assert list(variables) == ALWAYS
    assert {name: value for name, value in variables.items() if value} == {
        "AI_RESPONSE": "Abrimos a las 9, gracias",
        "AI_RESPONSE_1": "Abrimos a las 9, gracias",
        "AI_RESPONSE_COUNT": "1",
        "AI_MODEL_USED": "openai:gpt-x",
        "AI_LATENCY_MS": "1234",
        "AI_TURN": "3",
        "AI_MORE": "0",
        "AI_STATUS": "ok",
    }


@pytest.mark.parametrize(
    ("side", "ari_error", "system_error"),
    [
        (Side.ASTERISK, "some.reason", ""),
        (Side.SYSTEM, "", "some.reason"),
        (Side.CALLER, "", ""),
    ],
)
@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_a_failure_names_its_side(
    status: Status, side: Side, ari_error: str, system_error: str
) -> None:
    """A failed turn gives its reason under the side's name and speaks the fallback text only."""
    response = TurnResponse(
        status, "half an ans", reason="some.reason", side=side, fallback_text='Lo "siento"'
    )
    variables = response_variables(response, 0)
    assert list(variables) == ALWAYS
    assert variables["AI_STATUS"] == status.value
    assert variables["AI_RESPONSE"] == variables["AI_RESPONSE_1"] == "Lo siento"
    assert variables["AI_ERROR"] == "some.reason"
    assert (variables["ARI_ERROR"], variables["SYSTEM_ERROR"]) == (ari_error, system_error)
    assert variables["AI_TURN"] == ""
    assert variables["AI_LATENCY_MS"] == "0"


def test_an_answer_has_no_error() -> None:
    """The side of an answered turn means nothing, and no error is written."""
    for side in Side:
        variables = response_variables(TurnResponse(Status.OK, "a", reason="r", side=side), 0)
        assert [variables[name] for name in ("AI_ERROR", "ARI_ERROR", "SYSTEM_ERROR")] == [""] * 3


def test_a_long_answer_is_counted() -> None:
    """AI_RESPONSE is the first part; the others follow, and those unused are empty."""
    variables = response_variables(TurnResponse(Status.OK, "Una frase. " * 1000), 0)
    assert variables["AI_RESPONSE_COUNT"] == "3"
    assert variables["AI_RESPONSE"] == variables["AI_RESPONSE_1"]
    assert variables["AI_RESPONSE_3"]
    assert variables["AI_RESPONSE_4"] == ""


@pytest.mark.parametrize("letter", ["a", "é", "字", "😀"])
def test_all_variables_fit_into_one_request(letter: str) -> None:
    """The longest answer, as UTF-8 JSON, stays below the 40,960 bytes of a request's body."""
    variables = response_variables(TurnResponse(Status.OK, letter * 40_000), 0)
    assert variables["AI_RESPONSE_COUNT"] == "8"
    body = json.dumps({"variables": variables}, ensure_ascii=False).encode()
    assert len(body) < 40_960


@given(nasty, nasty, nasty)
def test_every_value_is_safe(text: str, model: str, reason: str) -> None:
    """A model's odd name or an odd reason is as safe as the answer."""
    for status in (Status.OK, Status.MODEL_ERROR):
        response = TurnResponse(status, text, reason=reason, model=model, fallback_text=text)
        assert all(is_safe(value) for value in response_variables(response, 0.1).values())
