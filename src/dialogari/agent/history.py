"""How much of a conversation a model is told: the newest turns that fit into a number of tokens.

A turn stays or goes as a whole, its tool calls with their outcomes: half of one is an invalid
request with most providers. What tools said in any turn but the last is cut short first, as the
answer says already what mattered of it. Tokens are guessed: a model's own way to count costs time
and is different with each.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dialogari.turn import Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dialogari.tool import ToolCall
    from dialogari.turn import AgentRequest, Message

_BYTES: Final = 3
"""Of UTF-8 to a token. English has about 4.5, Spanish 4, Russian and Chinese 3 to 5: a guess that
seldom falls short."""
_FRAME: Final = 4
"""Tokens around each message or call."""
LONGEST_OLD_RESULT: Final = 300
"""Characters."""
_CUT: Final = " … [cut]"
_MOST_TURNS: Final = 40
"""Told in full, where the others are summarised: the store has 50 at hand, failed ones among them.
"""
_SUMMARY: Final = "[what was said before in this conversation, summed up by a program: {}] "


def recount(request: AgentRequest, budget: int) -> tuple[Sequence[Message], str]:
    """Return what a model is told of the past within `budget` tokens, and the question.

    A summary stands before the first words of the caller, as what was said and not as instructions;
    it comes on top of the budget.
    """
    told = trim(request.history, budget)
    if not request.summary:
        return told, request.question
    summary = _SUMMARY.format(request.summary)
    if not told:
        return told, summary + request.question
    first, *rest = told
    return [replace(first, text=summary + first.text), *rest], request.question


def count_overflow(messages: Sequence[Message], budget: int) -> int:
    """Return how many of the oldest messages a model should be told in short; 0: all fit.

    Where they do not, half of the budget stays for what is told in full: then it takes a while
    until there is too much again. The newest turn is never among them.
    """
    turns = list(_turns(messages))
    if len(turns) <= _MOST_TURNS and len(trim(messages, budget)) == len(messages):
        return 0
    newest = [message for turn in turns[-_MOST_TURNS // 2 :] for message in turn]
    return len(messages) - max(len(trim(newest, budget // 2)), len(turns[-1]))


def trim(messages: Sequence[Message], budget: int) -> Sequence[Message]:
    """Return the newest turns that together have at most `budget` tokens, oldest first."""
    kept: list[Sequence[Message]] = []
    for turn in reversed(list(_turns(messages))):
        shown = turn
        if kept or _size(turn) > budget:
            shown = [_shorten(message) for message in turn]
        budget -= _size(shown)
        if budget < 0:
            break
        kept.append(shown)
    return [message for turn in reversed(kept) for message in turn]


def count_tokens(message: Message) -> int:
    """Return about how many tokens a message has, its tool calls with it."""
    calls = sum(map(_count_call, message.tool_calls))
    return _FRAME + _count(message.text) + calls


def _size(turn: Sequence[Message]) -> int:
    return sum(map(count_tokens, turn))


def _turns(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Yield the messages by turn: one of the caller, and what follows it."""
    turn: list[Message] = []
    for message in messages:
        if message.role is Role.CALLER and turn:
            yield turn
            turn = []
        turn.append(message)
    if turn:
        yield turn


def _shorten(message: Message) -> Message:
    if all(len(call.result) <= LONGEST_OLD_RESULT for call in message.tool_calls):
        return message
    return replace(message, tool_calls=[_shorten_call(call) for call in message.tool_calls])


def _shorten_call(call: ToolCall) -> ToolCall:
    if len(call.result) <= LONGEST_OLD_RESULT:
        return call
    return replace(call, result=call.result[: LONGEST_OLD_RESULT - len(_CUT)] + _CUT)


def _count_call(call: ToolCall) -> int:
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    return 2 * _FRAME + _count(call.name) + _count(arguments) + _count(call.result)


def _count(text: str) -> int:
    return -(-len(text.encode(errors="replace")) // _BYTES)
