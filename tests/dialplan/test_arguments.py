"""Claims about the arguments of Stasis(): a large table, and what must hold for any input."""

from __future__ import annotations

import base64
import math
import string
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dialogari.dialplan.arguments import Arguments, parse_arguments
from dialogari.turn import Side, Status

FIXED = (
    "USER_INPUT",
    "USER_INPUT_B64",
    "USER_INPUT_URI",
    "UNIQUEID",
    "AI_MODEL",
    "AI_PROMPT_NAME",
    "AI_TIMEOUT",
    "AI_STREAM",
    "AI_CONTINUE",
    "AI_CALLER",
)

B64_HELLO = base64.b64encode(b"hello").decode()  # aGVsbG8=
B64_ODD = base64.b64encode("¿a) b: \"c\", 'd'? 😀".encode()).decode()

GOOD: list[tuple[list[str], Arguments]] = [
    # Nothing of use.
    ([], Arguments()),
    ([""], Arguments()),
    (["", "", ""], Arguments()),
    ([" "], Arguments()),
    (["word"], Arguments(ignored=1)),
    (["word", "", "another"], Arguments(ignored=2)),
    (["=value"], Arguments(ignored=1)),
    (["  =value"], Arguments(ignored=1)),
    (["="], Arguments(ignored=1)),
    # The caller's words as an argument.
    (["USER_INPUT=hello"], Arguments(text="hello")),
    (["USER_INPUT="], Arguments(text="")),
    (["USER_INPUT= "], Arguments(text=" ")),
    (["USER_INPUT=  hello  "], Arguments(text="  hello  ")),
    (["user_input=hello"], Arguments(text="hello")),
    (["User_Input=hello"], Arguments(text="hello")),
    ([" USER_INPUT =hello"], Arguments(text="hello")),
    (["\tUSER_INPUT\t= hello"], Arguments(text=" hello")),
    (["USER_INPUT=a=b"], Arguments(text="a=b")),
    (["USER_INPUT==b"], Arguments(text="=b")),
    (["USER_INPUT=a,b"], Arguments(text="a,b")),
    (["USER_INPUT=a", "b"], Arguments(text="a,b")),
    (["USER_INPUT=hi", " I am Bob"], Arguments(text="hi, I am Bob")),
    (["USER_INPUT=a", "", "b"], Arguments(text="a,,b")),
    (["USER_INPUT=a", ""], Arguments(text="a,")),
    (["USER_INPUT=", ""], Arguments(text=",")),
    (["USER_INPUT=", "", ""], Arguments(text=",,")),
    (["USER_INPUT=", "b"], Arguments(text=",b")),
    (["USER_INPUT=a", "b=c"], Arguments(text="a,b=c")),
    (["USER_INPUT=a", "DEPT=sales"], Arguments(text="a,DEPT=sales")),
    (["USER_INPUT=a", "=c"], Arguments(text="a,=c")),
    (["USER_INPUT=a", " =c"], Arguments(text="a, =c")),
    (["USER_INPUT=a", "UNIQUEID"], Arguments(text="a,UNIQUEID")),
    (["USER_INPUT=a", "UNIQUEID is x"], Arguments(text="a,UNIQUEID is x")),
    (["USER_INPUT=a", "my UNIQUEID=x"], Arguments(text="a,my UNIQUEID=x")),
    (["USER_INPUT=¿Qué tal? 😀"], Arguments(text="¿Qué tal? 😀")),
    (["USER_INPUT=one\ntwo\r\n\tthree"], Arguments(text="one\ntwo\r\n\tthree")),
    (["USER_INPUT=(open", " paren"], Arguments(text="(open, paren")),
    (["USER_INPUT=" + "x" * 20_000], Arguments(text="x" * 20_000)),
    (["USER_INPUT=a", *["b"] * 126], Arguments(text="a" + ",b" * 126)),
    (["word", "USER_INPUT=a"], Arguments(text="a", ignored=1)),
    (["USER_INPUTS=a"], Arguments(facts={"user_inputs": "a"})),
    # The conversation.
    (["UNIQUEID=1795341159.1"], Arguments(conversation_id="1795341159.1")),
    (["UniqueId=box-1.1"], Arguments(conversation_id="box-1.1")),
    ([" uniqueid = 1.1 "], Arguments(conversation_id="1.1")),
    (["UNIQUEID="], Arguments()),
    (["UNIQUEID=   "], Arguments()),
    (["UNIQUEID=a=b"], Arguments(conversation_id="a=b")),
    (["UNIQUEID=1", "UNIQUEID=2"], Arguments(conversation_id="1", ignored=1)),
    (["UNIQUEID=", "UNIQUEID=2"], Arguments(ignored=1)),
    (["UNIQUEID=1", "USER_INPUT=a"], Arguments(text="a", conversation_id="1")),
    (["USER_INPUT=a", "UNIQUEID=1"], Arguments(text="a", conversation_id="1")),
    (["USER_INPUT=a", "UNIQUEID=1", "b"], Arguments(text="a,b", conversation_id="1")),
    (["USER_INPUT=a", " uniqueid=1"], Arguments(text="a", conversation_id="1")),
    # The caller's words don't reach what the dialplan set before them.
    (
        ["UNIQUEID=1", "USER_INPUT=a", "UNIQUEID=2"],
        Arguments(text="a", conversation_id="1", ignored=1),
    ),
    (
        ["UNIQUEID=1", "USER_INPUT=a", "UNIQUEID=2", "b"],
        Arguments(text="a,b", conversation_id="1", ignored=1),
    ),
    (["USER_INPUT=a", "USER_INPUT=b"], Arguments(text="a", ignored=1)),
    (["USER_INPUT=", "USER_INPUT=b"], Arguments(text="", ignored=1)),
    (["USER_INPUT=UNIQUEID=2", "UNIQUEID=1"], Arguments(text="UNIQUEID=2", conversation_id="1")),
    # Model and prompt.
    (["AI_MODEL=openai"], Arguments(model="openai")),
    (["AI_MODEL= OpenAI:GPT-x "], Arguments(model="OpenAI:GPT-x")),
    (["AI_MODEL="], Arguments()),
    (["AI_MODEL= "], Arguments()),
    (["AI_MODEL=", "AI_MODEL=openai"], Arguments(ignored=1)),
    (["ai_prompt_name=reception"], Arguments(prompt="reception")),
    (["AI_PROMPT_NAME= night desk "], Arguments(prompt="night desk")),
    (["AI_PROMPT_NAME="], Arguments()),
    (
        ["USER_INPUT=a", "AI_MODEL=local", "AI_PROMPT_NAME=p"],
        Arguments(text="a", model="local", prompt="p"),
    ),
    # The deadline.
    (["AI_TIMEOUT=5"], Arguments(timeout=5.0)),
    (["AI_TIMEOUT=0.5"], Arguments(timeout=0.5)),
    (["AI_TIMEOUT=.5"], Arguments(timeout=0.5)),
    (["AI_TIMEOUT=5."], Arguments(timeout=5.0)),
    (["AI_TIMEOUT= 5 "], Arguments(timeout=5.0)),
    (["AI_TIMEOUT=005"], Arguments(timeout=5.0)),
    (["AI_TIMEOUT=100000"], Arguments(timeout=100_000.0)),
    (["AI_TIMEOUT="], Arguments()),
    (["AI_TIMEOUT= "], Arguments()),
    (["AI_TIMEOUT=5", "AI_TIMEOUT=x"], Arguments(timeout=5.0, ignored=1)),
    # Reserved keys are neither facts nor text.
    # Answers in pieces: what Asterisk takes for true, behind the words as well.
    (["AI_STREAM=1"], Arguments(pieces=True)),
    (["ai_stream= Yes ", "USER_INPUT=a"], Arguments(text="a", pieces=True)),
    (["USER_INPUT=a", "AI_STREAM=1"], Arguments(text="a", pieces=True)),
    *[([f"AI_STREAM={no}"], Arguments()) for no in ("", "0", "no", "2", "false")],
    # Going on, there are no words, whatever still says so, and nothing can be malformed.
    (["UNIQUEID=c", "AI_CONTINUE=1"], Arguments(text="", conversation_id="c", continues=True)),
    (["USER_INPUT=a", "b", "ai_continue=1"], Arguments(text="", continues=True)),
    (["USER_INPUT_B64=%", "AI_CONTINUE=on"], Arguments(text="", continues=True)),
    (["USER_INPUT_URI=%", "AI_TIMEOUT=x", "AI_CONTINUE=y"], Arguments(text="", continues=True)),
    # Who calls.
    (["AI_CALLER= x "], Arguments(caller="x")),
    (["USER_INPUT=a", "AI_CALLER=x"], Arguments(text="a", caller="x")),
    # Facts.
    (["DEPT=sales"], Arguments(facts={"dept": "sales"})),
    ([" Dept = sales "], Arguments(facts={"dept": "sales"})),
    (["DEPT="], Arguments(facts={"dept": ""})),
    (["A=1", "a=2"], Arguments(facts={"a": "1"}, ignored=1)),
    (["A=", "a=2"], Arguments(facts={"a": ""}, ignored=1)),
    (["A=1", "USER_INPUT=x", "B=2"], Arguments(text="x,B=2", facts={"a": "1"})),
    (["A=b=c"], Arguments(facts={"a": "b=c"})),
    (["two words=x"], Arguments(facts={"two words": "x"})),
    (["AÑO=1984"], Arguments(facts={"año": "1984"})),
    (["NOTE=a", "b"], Arguments(facts={"note": "a"}, ignored=1)),
    # Encoded words.
    ([f"USER_INPUT_B64={B64_HELLO}"], Arguments(text="hello")),
    ([f"user_input_b64= {B64_HELLO} "], Arguments(text="hello")),
    (["USER_INPUT_B64=aGVsbG8"], Arguments(text="hello")),
    ([f"USER_INPUT_B64={B64_ODD}"], Arguments(text="¿a) b: \"c\", 'd'? 😀")),
    (["USER_INPUT_B64="], Arguments(text="")),
    ([f"USER_INPUT_B64={B64_HELLO}", "A=1"], Arguments(text="hello", facts={"a": "1"})),
    (["USER_INPUT_URI=hello"], Arguments(text="hello")),
    (["USER_INPUT_URI=a%20b%2Cc%2c%22"], Arguments(text='a b,c,"')),
    (["USER_INPUT_URI=a+b"], Arguments(text="a+b")),
    (["USER_INPUT_URI=%C2%BFqu%C3%A9%3F"], Arguments(text="¿qué?")),
    (["USER_INPUT_URI=¿qué?"], Arguments(text="¿qué?")),
    (["USER_INPUT_URI=%25"], Arguments(text="%")),
    (["USER_INPUT_URI= a "], Arguments(text=" a ")),
    (["USER_INPUT_URI="], Arguments(text="")),
    # Precedence; only the one that is used is decoded.
    (["USER_INPUT_URI=u", f"USER_INPUT_B64={B64_HELLO}"], Arguments(text="hello")),
    (["USER_INPUT_B64=!", "USER_INPUT=a"], Arguments(text="a")),
    (["USER_INPUT=a", "USER_INPUT_B64=!", "USER_INPUT_URI=%"], Arguments(text="a")),
    (["USER_INPUT=", f"USER_INPUT_B64={B64_HELLO}"], Arguments(text="")),
    (["USER_INPUT_URI=%", "USER_INPUT_B64="], Arguments(text="")),
    (["USER_INPUT_B64=", "USER_INPUT_B64=!"], Arguments(text="", ignored=1)),
]

BAD: list[tuple[list[str], str]] = [
    (["USER_INPUT_B64=!"], "user_input_b64.malformed"),
    (["AI_CALLER=" + "x" * 513], "ai_caller.too_long"),
    (["USER_INPUT_B64=a"], "user_input_b64.malformed"),
    (["USER_INPUT_B64=aGVs bG8="], "user_input_b64.malformed"),
    (["USER_INPUT_B64=aGVs\nbG8="], "user_input_b64.malformed"),
    (["USER_INPUT_B64=aGVsbG8=="], "user_input_b64.malformed"),
    (["USER_INPUT_B64=aGVsbG8=x"], "user_input_b64.malformed"),
    (["USER_INPUT_B64===="], "user_input_b64.malformed"),
    (["USER_INPUT_B64====="], "user_input_b64.malformed"),
    (["USER_INPUT_B64=-_-_"], "user_input_b64.malformed"),
    (["USER_INPUT_B64=ññññ"], "user_input_b64.malformed"),
    (["USER_INPUT_B64=/////w=="], "user_input_b64.malformed"),
    (["USER_INPUT_URI=%"], "user_input_uri.malformed"),
    (["USER_INPUT_URI=100% sure"], "user_input_uri.malformed"),
    (["USER_INPUT_URI=%2"], "user_input_uri.malformed"),
    (["USER_INPUT_URI=%2g"], "user_input_uri.malformed"),
    (["USER_INPUT_URI=%%20"], "user_input_uri.malformed"),
    (["USER_INPUT_URI=%+2"], "user_input_uri.malformed"),
    (["USER_INPUT_URI=%FF"], "user_input_uri.malformed"),
    (["USER_INPUT_URI=%C3"], "user_input_uri.malformed"),
    (["USER_INPUT_URI=\ud800"], "user_input_uri.malformed"),
    (["AI_TIMEOUT=soon"], "ai_timeout.malformed"),
    (["AI_TIMEOUT=0"], "ai_timeout.malformed"),
    (["AI_TIMEOUT=0.0"], "ai_timeout.malformed"),
    (["AI_TIMEOUT=-1"], "ai_timeout.malformed"),
    (["AI_TIMEOUT=+1"], "ai_timeout.malformed"),
    (["AI_TIMEOUT=1e3"], "ai_timeout.malformed"),
    (["AI_TIMEOUT=1_0"], "ai_timeout.malformed"),
    (["AI_TIMEOUT=5s"], "ai_timeout.malformed"),
    (["AI_TIMEOUT=5 0"], "ai_timeout.malformed"),
    (["AI_TIMEOUT=."], "ai_timeout.malformed"),
    (["AI_TIMEOUT=inf"], "ai_timeout.malformed"),
    (["AI_TIMEOUT=nan"], "ai_timeout.malformed"),
    (["AI_TIMEOUT=\N{ARABIC-INDIC DIGIT FIVE}"], "ai_timeout.malformed"),
    (["AI_TIMEOUT=" + "9" * 8000], "ai_timeout.malformed"),
    (["AI_TIMEOUT=." + "0" * 8000 + "1"], "ai_timeout.malformed"),
    (["AI_TIMEOUT=x", "AI_TIMEOUT=5"], "ai_timeout.malformed"),
    (["USER_INPUT=a", "AI_TIMEOUT=x"], "ai_timeout.malformed"),
    (["AI_TIMEOUT=x", "USER_INPUT_URI=%"], "user_input_uri.malformed"),
]

blanks = st.text(" \t", max_size=2)


@st.composite
def spelled(draw: st.DrawFn, key: str) -> str:
    """Return the key in any case and with blanks around it."""
    letters = "".join(draw(st.sampled_from((c.lower(), c.upper()))) for c in key)
    return draw(blanks) + letters + draw(blanks)


def looks_fixed(argument: str) -> bool:
    """Whether an argument is one of the fixed keys with a value, written out anew for the test."""
    key, equals, _ = argument.partition("=")
    return bool(equals) and key.strip().upper() in FIXED


anything = st.lists(
    st.one_of(
        st.text(),
        st.tuples(st.sampled_from(FIXED).flatmap(spelled), st.text()).map("=".join),
        st.tuples(st.text(string.ascii_letters), st.text()).map("=".join),
    ),
    max_size=12,
)


@pytest.mark.parametrize(("arguments", "expected"), GOOD)
def test_arguments_are_read(arguments: list[str], expected: Arguments) -> None:
    """Each list of arguments gives exactly these fields, and no problem."""
    assert parse_arguments(arguments) == expected


@pytest.mark.parametrize(("arguments", "reason"), BAD)
def test_malformed_arguments_are_the_callers_fault(arguments: list[str], reason: str) -> None:
    """A malformed argument that is used is `bad_request`, with its name, on the caller's side."""
    problem = parse_arguments(arguments).problem
    assert problem is not None
    assert (problem.status, problem.reason, problem.side) == (
        Status.BAD_REQUEST,
        reason,
        Side.CALLER,
    )


def test_a_malformed_argument_leaves_the_rest_readable() -> None:
    """The log of a refused turn can still name the conversation and its facts."""
    read = parse_arguments(["A=1", "USER_INPUT_B64=!", "AI_TIMEOUT=x", "UNIQUEID=7"])
    assert (read.conversation_id, read.facts, read.text) == ("7", {"a": "1"}, None)


def test_no_words_and_empty_words_differ() -> None:
    """Only where no argument holds words does the door look in the channel variable."""
    assert parse_arguments(["UNIQUEID=1"]).text is None
    assert parse_arguments(["UNIQUEID=1", "USER_INPUT="]).text == ""


@given(anything)
@example(["AI_TIMEOUT=\ud800", "USER_INPUT_B64=\ud800", "\ud800=\ud800"])
def test_nothing_raises(arguments: list[str]) -> None:
    """Whatever the arguments are, the result is well-formed."""
    read = parse_arguments(arguments)
    assert read.timeout is None or (math.isfinite(read.timeout) and read.timeout > 0)
    assert all(key == key.strip().lower() and key.upper() not in FIXED for key in read.facts)
    assert read.conversation_id == read.conversation_id.strip()
    assert read.model != ""
    assert read.prompt != ""


@given(spelled("UNIQUEID"), st.text("0123456789.-ab", min_size=1), anything)
def test_what_comes_first_stays(key: str, conversation: str, rest: list[str]) -> None:
    """No argument after UNIQUEID changes the conversation."""
    assert parse_arguments([f"{key}={conversation}", *rest]).conversation_id == conversation


@given(anything, anything)
def test_words_change_nothing_before_them(before: list[str], after: list[str]) -> None:
    """Facts and fixed keys given before USER_INPUT are the same whatever the caller says."""
    alone = parse_arguments([*before, "USER_INPUT=x"])
    read = parse_arguments([*before, "USER_INPUT=x", *after])
    assert read.facts == alone.facts
    given_keys = {one.partition("=")[0].strip().upper() for one in before if looks_fixed(one)}
    for key, name in (
        ("UNIQUEID", "conversation_id"),
        ("AI_MODEL", "model"),
        ("AI_PROMPT_NAME", "prompt"),
        ("AI_TIMEOUT", "timeout"),
    ):
        if key in given_keys:
            assert getattr(read, name) == getattr(alone, name)


@given(spelled("USER_INPUT"), st.text())
@example("USER_INPUT", "a, b,,c , =d,e=f,")
def test_words_come_back_whole(key: str, words: str) -> None:
    """Words split at every comma, as Asterisk does, come back exactly."""
    first, *rest = words.split(",")
    if not any(looks_fixed(argument) for argument in rest):
        assert parse_arguments([f"{key}={first}", *rest]).text == words


@given(st.lists(st.text(" abc=,()\n¿😀", max_size=8), min_size=1), st.data())
def test_words_come_back_from_any_split(pieces: list[str], data: st.DataObject) -> None:
    """Whichever of the commas Asterisk splits at (it stops after 128), the words are the same."""
    words = ",".join(pieces)
    commas = [place for place, letter in enumerate(words) if letter == ","]
    cuts = sorted(data.draw(st.sets(st.sampled_from(commas)))) if commas else []
    edges = [-1, *cuts, len(words)]
    split = [words[left + 1 : right] for left, right in pairwise(edges)]
    assert parse_arguments(["UNIQUEID=1", f"USER_INPUT={split[0]}", *split[1:]]).text == words


@given(st.text())
def test_encoded_words_come_back(words: str) -> None:
    """Base64 with or without its padding, and percent-encoding, give the words back."""
    encoded = base64.b64encode(words.encode()).decode()
    assert parse_arguments([f"USER_INPUT_B64={encoded}"]).text == words
    assert parse_arguments([f"USER_INPUT_B64={encoded.rstrip('=')}"]).text == words
    assert parse_arguments([f"USER_INPUT_URI={quote(words)}"]).text == words
    assert parse_arguments([f"USER_INPUT_URI={quote(words, safe='')}"]).text == words
