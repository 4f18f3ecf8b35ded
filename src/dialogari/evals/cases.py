"""The nouns of evaluations: what callers say, what is expected, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_TURNS = 6
"""Of a simulated caller, where the file says nothing else."""


@dataclass(frozen=True, slots=True)
class ExpectedCall:
    """A tool that must have been called, with these arguments among others."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Expected:
    """What an answer must be like."""

    must: Sequence[str] = ()
    """Each is found in the answer; `|` stands between alternatives, `*` for the rest of a word."""
    must_not: Sequence[str] = ()
    tools: Sequence[ExpectedCall] | None = None
    """None: whatever it calls is right; empty: it must call nothing."""
    judge: str = ""
    """A question to a model that judges the answer; yes is right."""
    within_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Something a caller says, and what is expected of the answer."""

    say: str
    expected: Expected


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation: lines, or a goal for a model that plays the caller."""

    name: str
    lines: Sequence[Line] = ()
    goal: str = ""
    turns: int = MOST_TURNS
    expected: Expected = field(default_factory=Expected)
    """With a goal: of all answers together; `within_ms` of each."""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Suite:
    """One file."""

    file: str
    talks: Sequence[Talk]
    prompt: str | None = None
    """Name of a prompt in the store; None: the prompt named `default`."""
    content: str | None = None
    """The prompt's text, where it is not in the store."""
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one line, or of one simulated call."""

    model: str
    """As it was asked for; empty: the default model."""
    file: str
    talk: str
    said: str
    answer: str
    ms: float
    """The slowest turn."""
    faults: Sequence[str] = ()
    """What is wrong; nothing: it passed."""
    cost: float | None = None
