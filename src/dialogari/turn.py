"""The nouns every part speaks: one turn of a conversation, what it needs and what comes of it.

A turn is one question of a caller and one answer. A door (the dialplan, the terminal, later the
REST API and the voice) makes a `TurnRequest`; `dialogari.conversation` turns it into `TurnEvent`s,
the last of which is `TurnDone` with a `TurnResponse`. The parts that conversation needs meet it
through the protocols of `dialogari.parts`.

This module imports nothing of ours but the nouns of `dialogari.asked`, `dialogari.remembered`,
`dialogari.telephone` and `dialogari.tool`, and does no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING

from dialogari.asked import Asked, Asking, Usage
from dialogari.telephone import Decision, Telephone
from dialogari.tool import ToolUsed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from dialogari.remembered import Mark, Summary
    from dialogari.telephone import CallControl
    from dialogari.tool import McpChoice, Tool, ToolCall


class Status(StrEnum):
    """How a turn ended; the dialplan reads it as AI_STATUS and branches on it."""

    OK = "ok"
    NO_INPUT = "no_input"
    BAD_REQUEST = "bad_request"
    UNKNOWN_PROMPT = "unknown_prompt"
    UNKNOWN_MODEL = "unknown_model"
    TIMEOUT = "timeout"
    BUSY = "busy"
    MODEL_ERROR = "model_error"
    ERROR = "error"


class Side(StrEnum):
    """Which side failed, so that whoever can mend it is told."""

    CALLER = "caller"
    """The request itself: nothing was said, or an argument was malformed."""
    ASTERISK = "asterisk"
    """The Asterisk interface (ARI_ERROR)."""
    SYSTEM = "system"
    """The AI service or the store (SYSTEM_ERROR)."""


class TurnError(Exception):
    """A turn that can't be answered, said in words a dialplan can branch on.

    `reason` is short, machine-readable and written by us, such as `openai.http_429`: never the
    text of an exception and never a secret. The cause is chained for debugging only.
    """

    def __init__(self, status: Status, reason: str, side: Side = Side.SYSTEM) -> None:
        super().__init__(status, reason, side)
        self.status = status
        self.reason = reason
        self.side = side

    def __str__(self) -> str:
        return f"{self.status}: {self.reason}"


@dataclass(frozen=True, slots=True)
class ConversationKey:
    """Names one conversation: ids of calls repeat between Asterisk servers, so both parts count."""

    server: str
    """The Asterisk server's configured address or name; empty for turns without a call."""
    id: str
    """UNIQUEID from the dialplan, or a session named at the terminal."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What Asterisk tells of the call itself; prompts may use it."""

    channel_id: str = ""
    caller_number: str = ""
    caller_name: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """One question, as a door hands it over."""

    text: str
    conversation: ConversationKey
    prompt: str | None = None
    """Name of the prompt in the store; None: the prompt named `default`."""
    prompt_content: str | None = None
    """Stands in place of the content of that prompt, to try it out; None: what is stored."""
    model: str | None = None
    """A provider's name or `provider:model`; None: the prompt's own model, else the setting's."""
    timeout: float | None = None
    """Seconds this turn may take from now, at most the setting's; None: the setting's."""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    """The call's own facts from the dialplan, keys in lower case."""
    caller: str = ""
    """AI_CALLER: whose earlier calls count, where callers are remembered; empty: nobody's."""
    call: CallFacts = field(default_factory=CallFacts)
    pieces: bool = False
    """Tell the answer sentence by sentence; see `dialogari.answers`."""
    control: CallControl | None = None


@dataclass(frozen=True, slots=True)
class TurnResponse:
    """What came of one turn. Every door gets one, whatever failed."""

    status: Status
    text: str = ""
    """The answer as plain text; empty when not ok (the door says its own fallback)."""
    reason: str = ""
    """Machine-readable reason when not ok, as in `TurnError`."""
    side: Side = Side.SYSTEM
    """Which side failed; meaningless when ok."""
    conversation: ConversationKey = ConversationKey("", "")
    number: int = 0
    """Number of the turn in its conversation, from 1; 0: the store could not number it."""
    prompt: str = ""
    model: str = ""
    """`provider:model` that answered; empty when none was asked."""
    fallback_text: str = ""
    """What to say instead when not ok; may be empty."""
    usage: Usage = field(default_factory=Usage)
    steps: Mapping[str, float] = field(default_factory=dict[str, float])
    """Seconds spent in each step of the turn, by its name, for the log and the metrics."""
    tool_calls: Sequence[ToolCall] = ()
    """Those that ended, in the order in which the model asked for them."""
    asked: Sequence[Asked] = ()
    """The requests to models, in order: who failed and why, and who answered."""
    more: bool = False
    """The text is a piece of the answer, and there is more of it."""
    decision: Decision = field(default_factory=Decision)


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer, as the model writes it, before it is made fit to be spoken."""

    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, complete and fit to be spoken, where pieces were asked for.

    It is one of the answer, or the phrase by which a slow tool announces itself.
    """

    text: str
    last: bool = False
    """The model has written its last word."""


@dataclass(frozen=True, slots=True)
class TurnDone:
    """The last event of every turn."""

    response: TurnResponse


TurnEvent = TextDelta | Sentence | ToolUsed | TurnDone


class Role(StrEnum):
    """Who said a message."""

    CALLER = "caller"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing said in a conversation."""

    role: Role
    text: str
    tool_calls: Sequence[ToolCall] = ()
    """The assistant's, before it said this."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of a prompt, a row of the store, read at each turn."""

    name: str
    content: str
    """Instructions for the model, with `{{ facts }}` still in place."""
    version: int = 1
    model: str | None = None
    language: str | None = None
    fallback_text: str | None = None
    note: str | None = None
    tools: Sequence[str] = ()
    """Names of the tools its model may use; one that there is not is left out."""
    actions: Sequence[str] = ()
    """Values of `dialogari.telephone.PhoneAction` that its model may decide on."""
    transfers: Sequence[str] = ()
    """Names of the targets that its model may transfer calls to."""
    tool_phrase: str | None = None
    """Told in answers in pieces while a slow tool runs, `{{ facts }}` still in place."""
    created: datetime | None = None
    """Aware, in UTC; None: not stored yet."""


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """A finished turn as the store keeps it."""

    conversation: ConversationKey
    number: int
    question: str
    answer: str
    status: Status
    reason: str
    prompt: str
    prompt_version: int
    model: str
    facts: Mapping[str, str]
    usage: Usage
    started: datetime
    """Aware, in UTC."""
    seconds: float
    tool_calls: Sequence[ToolCall] = ()
    asked: Sequence[Asked] = ()
    caller: str = ""
    """Who is to be known again; empty: nobody."""
    kept: Mapping[str, str] = field(default_factory=dict[str, str])
    """All facts that models have kept in this conversation until now."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a conversation holds before this turn."""

    messages: Sequence[Message]
    """Oldest first; only turns of which the caller heard an answer, or its beginning, caller and
    assistant in turn, and none that the summary covers."""
    turns: int
    """Number of the last stored turn, 0 for a new conversation."""
    kept: Mapping[str, str] = field(default_factory=dict[str, str])
    """As `TurnRecord.kept` of that turn."""
    marks: Sequence[Mark] = ()
    """Which turns the messages are, one for each two of them."""
    summary: Summary | None = None


@dataclass(frozen=True, slots=True)
class AgentRequest:
    """What the agent needs to answer one question."""

    question: str
    instructions: str
    """The prompt's content, `{{ facts }}` still in place."""
    model: str
    """`provider:model`, as `Agent.resolve` returned it."""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    history: Sequence[Message] = ()
    summary: str = ""
    """Of what was said before that."""
    language: str | None = None
    """The prompt's language, a tag such as `es-MX`: how numbers and signs are said."""
    tools: Sequence[Tool | McpChoice] = ()
    deadline: float = inf
    """When the turn ends, on the event loop's clock: no tool may take longer."""
    pieces: bool = False
    """Say each sentence as soon as it is complete; at least one comes before `AgentDone`."""
    telephone: Telephone = field(default_factory=Telephone)
    phrase: str = ""
    """With pieces: said once, before the first sentence, where a tool is slow."""


@dataclass(frozen=True, slots=True)
class AgentDone:
    """The agent's last event: all that its model said, fit to be spoken, and what it cost."""

    text: str
    usage: Usage
    decision: Decision = field(default_factory=Decision)


@dataclass(frozen=True, slots=True)
class FellBack:
    """A model failed before its first token, or is skipped; another one is asked now."""

    model: str
    """`provider:model` that is asked now."""
    reason: str
    """Why the other one failed, as in `TurnError`."""


AgentEvent = TextDelta | Sentence | ToolUsed | Asking | Asked | FellBack | AgentDone
