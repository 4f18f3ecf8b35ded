"""The nouns of tools: what a model may have done for it while it answers, and what came of it.

They are part of the vocabulary of `dialogari.turn`, which speaks of them. Like it, this module
imports nothing of ours and does no I/O.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

DEFAULT_TIMEOUT = 5.0
"""Seconds a tool may take where its row says nothing else."""
UNKNOWN_TOOL = "unknown_tool"
"""Reason of a call for which there is no tool."""
TOO_MANY = "too_many"
"""Reason of a call beyond those that a model may ask for at a time; nobody looks for its tool."""
MASK = "********"
"""Stands for the value of a header wherever a tool is shown; stored, it keeps the value there."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


class InvalidToolError(ValueError):
    """No tool can be made of this; the text says why and holds no value of a header."""


@dataclass(frozen=True, slots=True)
class Tool:
    """An HTTP tool, a row of the store, read at each turn."""

    name: str
    description: str
    """For the model: what the tool does and when to use it."""
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments, an object."""
    url: str
    """`http` or `https`; `{argument}` in path and query stands for an argument."""
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Their values are secrets."""
    timeout: float = DEFAULT_TIMEOUT
    """Seconds for the whole exchange."""
    result_path: str | None = None
    """JMESPath of what the model is told of the answer; None: all of it."""
    version: int = 1
    """Counts the edits."""
    updated: datetime | None = None
    """Aware, in UTC; None: not stored yet."""


@dataclass(frozen=True, slots=True)
class McpServer:
    """An MCP server, a row of the store, read at each turn: a program, or an address."""

    name: str
    command: str = ""
    """The program to start; empty: it has an address."""
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Beside PATH, HOME and their kind; the values are secrets."""
    url: str = ""
    """Of the streamable HTTP transport."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Their values are secrets."""
    timeout: float = DEFAULT_TIMEOUT
    """Seconds for one call."""
    version: int = 1
    """Counts the edits."""
    updated: datetime | None = None
    """Aware, in UTC; None: not stored yet."""


@dataclass(frozen=True, slots=True)
class McpChoice:
    """What a prompt names of an MCP server: `server/tool`, or `server/*` for all of them."""

    server: McpServer
    tool: str

    @property
    def name(self) -> str:
        """As the prompt has it."""
        return f"{self.server.name}/{self.tool}"


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool as its MCP server describes it."""

    name: str
    """As a prompt names it: `server/tool`."""
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments."""


@dataclass(frozen=True, slots=True)
class McpOffer:
    """What an MCP server offers now."""

    tools: Sequence[OfferedTool] = ()
    cause: str = ""
    """Why it is away, in a word; empty: it is not."""


class ToolStatus(StrEnum):
    """How a tool call stands."""

    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool that the model asked for."""

    id: str
    """The model's name for the call; unique in its turn."""
    name: str
    """As the model wrote it: there may be no such tool."""
    arguments: Mapping[str, Any]
    """Empty where the model wrote no JSON object."""
    step: int = 1
    """Calls asked for at the same time have the same one; from 1."""
    status: ToolStatus = ToolStatus.RUNNING
    reason: str = ""
    """Machine-readable, where it failed: `http_500`, `timeout`, `arguments` …; `repeated` where it
    had been done before in this turn, and was not done again."""
    result: str = ""
    """What the model was told."""
    seconds: float = 0.0

    @property
    def made_up(self) -> bool:
        """Whether there is no tool of its name, as far as anybody has looked."""
        return self.reason in {UNKNOWN_TOOL, TOO_MANY}


@dataclass(frozen=True, slots=True)
class ToolUsed:
    """An event of a turn: a tool call has begun (`running`) or ended; both have its id."""

    call: ToolCall


class ToolSource(Protocol):
    """Where tools are found, read at each turn so that an edit counts from the next one on."""

    async def find_tools(self, names: Sequence[str]) -> Sequence[Tool | McpChoice]:
        """Return the tools of these names that there are, in this order, HTTP tools first.

        Whether an MCP server has the tool of a `McpChoice` is not known here.

        Raises:
            TurnError: `error`, when the store can't be read.
        """
        ...


def is_name(name: str) -> bool:
    """Return whether `name` can name a tool: what every provider's models take."""
    return _NAME.fullmatch(name) is not None
