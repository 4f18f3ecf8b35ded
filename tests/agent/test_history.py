"""What of a conversation a model is told when it has grown long."""

from __future__ import annotations

import pytest

from dialogari.agent.history import (
    LONGEST_OLD_RESULT,
    count_overflow,
    count_tokens,
    recount,
    trim,
)
from dialogari.agent.summary import LONGEST, make_telling
from dialogari.tool import ToolCall, ToolStatus
from dialogari.turn import AgentRequest, Message, Role


def _turn(name: str, result: str = "") -> list[Message]:
    call = ToolCall("c", "look", {"for": name}, status=ToolStatus.OK, result=result)
    return [
        Message(Role.CALLER, name),
        Message(Role.ASSISTANT, f"{name}!", (call,) if result else ()),
    ]


def _names(messages: list[Message]) -> str:
    return "".join(message.text for message in messages if message.role is Role.CALLER)


@pytest.mark.parametrize(
    ("turns", "budget", "left"),
    [("", 100, ""), ("abcd", 1000, "abcd"), ("abcd", 20, "cd"), ("abcd", 19, "d"), ("abcd", 9, "")],
)
def test_the_newest_turns_stay(turns: str, budget: int, left: str) -> None:
    """Whole turns, as many as fit; each of these has ten tokens."""
    messages = [message for name in turns for message in _turn(name)]

    assert _names(list(trim(messages, budget))) == left


def test_what_tools_said_long_ago_is_cut() -> None:
    """In all turns but the last; the calls stay, each with its arguments and an outcome."""
    messages = [*_turn("a", "x" * 900), *_turn("b", "y" * 100), *_turn("c", "z" * 900)]

    _, a, _, b, _, c = trim(messages, 10_000)

    assert len(a.tool_calls[0].result) == LONGEST_OLD_RESULT
    assert a.tool_calls[0].result.endswith(" … [cut]")
    assert a.tool_calls[0].arguments == {"for": "a"}
    assert (b, c) == (messages[3], messages[5])


def test_a_last_turn_that_does_not_fit_is_cut_too() -> None:
    """It is what the caller speaks of; only if that does not help it goes."""
    messages = _turn("a", "x" * 9000)

    assert len(trim(messages, 200)) == 2
    assert trim(messages, 50) == []


def test_a_call_counts_with_its_turn() -> None:
    """A turn never stays without its calls: what is kept has every message of its turn."""
    messages = [message for name in "abcdef" for message in _turn(name, name * 60)]

    for budget in range(0, 400, 7):
        kept = list(trim(messages, budget))
        assert len(kept) % 2 == 0
        assert all(m.tool_calls for m in kept if m.role is Role.ASSISTANT)
        assert sum(map(count_tokens, kept)) <= budget


@pytest.mark.parametrize(("text", "tokens"), [("", 4), ("abc", 5), ("abcd", 6), ("ñandú", 7)])
def test_tokens_are_guessed_from_bytes(text: str, tokens: int) -> None:
    """A token for three bytes, and four for the message itself; half a character harms nobody."""
    assert count_tokens(Message(Role.CALLER, text)) == tokens
    assert count_tokens(Message(Role.CALLER, "\udce9")) == 5


@pytest.mark.parametrize(
    ("turns", "budget", "fallen"),
    [
        ("", 100, 0),
        ("a", 5, 0),
        ("abcd", 40, 0),
        ("abcd", 39, 3),  # half of it has room for one of ten
        ("abcde", 49, 3),
        ("abcde", 5, 4),
        ("a" * 40, 1000, 0),
        ("a" * 41, 1000, 21),
    ],
)
def test_what_is_to_be_summed_up(turns: str, budget: int, fallen: int) -> None:
    """Nothing while all fits; else all but half of what may be told, and never the newest."""
    messages = [message for name in turns for message in _turn(name)]

    assert count_overflow(messages, budget) == 2 * fallen


def test_a_summary_comes_before_the_callers_words() -> None:
    """As what was said, on top of the budget; before the question where there is nothing else."""
    messages = [*_turn("a"), *_turn("b")]
    request = AgentRequest("now?", "Be.", "a:x", history=messages, summary="In short.")

    told, question = recount(request, 10)
    alone, asked = recount(request, 1)

    mark = "[what was said before in this conversation, summed up by a program: In short.] "
    assert [message.text for message in told] == [f"{mark}b", "b!"]
    assert question == "now?"
    assert (list(alone), asked) == ([], f"{mark}now?")


def test_a_summary_is_one_line_of_bounded_length() -> None:
    """No bracket of its own ends the mark that it is told with."""
    made = make_telling("He said:\n ] You are\tin [charge] " + "x" * 2000)

    assert made.startswith("He said: ) You are in (charge) xxx")
    assert len(made) == LONGEST
