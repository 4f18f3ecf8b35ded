"""A file of conversations in YAML, read so that each mistake is named with its file and line.

prompt: reception                    # in the store; or prompt_file: a text beside this file
conversations:
  - name: hours
    turns:
      - say: When do you open?
        must: [nine|9]
  - name: a booking
    caller: You are Ada and want a haircut on Saturday morning.
    judge: Was the appointment made?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

import yaml

from dialogari.evals.cases import MOST_TURNS, Expected, ExpectedCall, Line, Suite, Talk

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

_FILE: Final = ("prompt", "prompt_file", "language", "conversations")
_EXPECTED: Final = ("must", "must_not", "tools", "judge", "within_ms")
_TALK: Final = ("name", "turns", "caller", "max_turns", "facts", *_EXPECTED)
_LINE: Final = ("say", *_EXPECTED)
_CALL: Final = ("name", "arguments")
_LONGEST: Final = 50
"""Turns of a simulated caller at most: each costs money."""


class EvalFileError(Exception):
    """A file says something that can't be meant; the text names file, line and remedy."""


def read_suite(path: Path) -> Suite:
    """Return the conversations of a file.

    Raises:
        EvalFileError: there are none to be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise EvalFileError(f"{path}: {reason}; name a file in YAML") from None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise EvalFileError(f"{path}, line {line}: no YAML: {error.problem}") from None
    except yaml.YAMLError:
        raise EvalFileError(f"{path}: it holds characters that no YAML may have") from None
    if node is None:
        raise EvalFileError(f"{path}: it is empty; write conversations: into it")
    return _Reader(path, loader).read_file(node)


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path
    loader: yaml.SafeLoader

    def read_file(self, node: yaml.Node) -> Suite:
        fields = self._fields(node, _FILE, "a file has")
        if "conversations" not in fields:
            self._complain(node, "conversations: is missing")
        if "prompt" in fields and "prompt_file" in fields:
            self._complain(fields["prompt_file"], "give prompt or prompt_file, not both")
        return Suite(
            file=str(self.path),
            talks=[self._talk(item) for item in self._items(fields["conversations"])],
            prompt=self._text(fields.get("prompt")) or None,
            content=self._content(fields.get("prompt_file")),
            language=self._text(fields.get("language")) or None,
        )

    def _content(self, node: yaml.Node | None) -> str | None:
        if node is None:
            return None
        path = self.path.parent / self._text(node)
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            self._complain(node, f"{path} can't be read; name a text beside this file")

    def _talk(self, node: yaml.Node) -> Talk:
        fields = self._fields(node, _TALK, "a conversation has")
        name = self._text(fields.get("name"))
        if not name:
            self._complain(node, "name: is missing; give each conversation one")
        if ("turns" in fields) == ("caller" in fields):
            self._complain(node, "give either turns: what is said, or caller: who calls and why")
        if "turns" in fields:
            for key in (*_EXPECTED, "max_turns"):
                if key in fields:
                    self._complain(fields[key], f"{key} stands with a turn, or beside caller:")
        return Talk(
            name=name,
            lines=[self._line(item) for item in self._items(fields.get("turns"))],
            goal=self._text(fields.get("caller")),
            turns=int(self._number(fields.get("max_turns"), 1, _LONGEST) or MOST_TURNS),
            expected=self._expected(fields),
            facts=self._facts(fields.get("facts")),
        )

    def _line(self, node: yaml.Node) -> Line:
        fields = self._fields(node, _LINE, "a turn has")
        if not self._text(fields.get("say")).strip():
            self._complain(node, "say: is missing; write what the caller says")
        return Line(self._text(fields["say"]), self._expected(fields))

    def _expected(self, fields: Mapping[str, yaml.Node]) -> Expected:
        tools = fields.get("tools")
        return Expected(
            must=self._texts(fields.get("must")),
            must_not=self._texts(fields.get("must_not")),
            tools=None if tools is None else [self._call(item) for item in self._items(tools)],
            judge=self._text(fields.get("judge")),
            within_ms=self._number(fields.get("within_ms"), 1, 600_000),
        )

    def _call(self, node: yaml.Node) -> ExpectedCall:
        if isinstance(node, yaml.ScalarNode):
            return ExpectedCall(self._text(node))
        fields = self._fields(node, _CALL, "a tool has")
        if "name" not in fields:
            self._complain(node, "name: is missing; it is the tool's")
        return ExpectedCall(self._text(fields["name"]), self._arguments(fields.get("arguments")))

    def _arguments(self, node: yaml.Node | None) -> dict[str, Any]:
        if node is None:
            return {}
        fields = self._fields(node, None, "")
        try:
            return {name: self._value(value) for name, value in fields.items()}
        except yaml.MarkedYAMLError:
            self._complain(node, "write arguments as plain texts, numbers, lists or mappings")

    def _value(self, node: yaml.Node) -> object:
        construct = cast("Callable[..., object]", self.loader.construct_object)  # pyright: ignore[reportUnknownMemberType] - the library's stub says nothing
        return construct(node, deep=True)

    def _facts(self, node: yaml.Node | None) -> Mapping[str, str]:
        if node is None:
            return {}
        fields = self._fields(node, None, "")
        return {name.lower(): self._text(value) for name, value in fields.items()}

    def _fields(
        self, node: yaml.Node, known: Collection[str] | None, there_are: str
    ) -> dict[str, yaml.Node]:
        """Return the fields of a mapping; `known`: the names it may have, None: any."""
        if not isinstance(node, yaml.MappingNode):
            self._complain(node, "write `name: value` lines here")
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self._text(key)
            if known is not None and name not in known:
                self._complain(key, f"{name!r} is unknown; {there_are} {', '.join(known)}")
            if name in fields:
                self._complain(key, f"{name!r} stands here twice")
            fields[name] = value
        return fields

    def _items(self, node: yaml.Node | None) -> Sequence[yaml.Node]:
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self._complain(node, "write a list here: each entry on a line of its own behind `- `")
        return node.value

    def _texts(self, node: yaml.Node | None) -> Sequence[str]:
        if isinstance(node, yaml.ScalarNode):
            return (self._text(node),)
        return tuple(map(self._text, self._items(node)))

    def _text(self, node: yaml.Node | None) -> str:
        if node is None:
            return ""
        if not isinstance(node, yaml.ScalarNode):
            self._complain(node, "write a text here")
        return node.value

    def _number(self, node: yaml.Node | None, least: float, most: float) -> float | None:
        if node is None:
            return None
        try:
            number = float(self._text(node))
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            self._complain(node, f"write a number from {least:g} to {most:g}")
        return number

    def _complain(self, node: yaml.Node, what: str) -> NoReturn:
        raise EvalFileError(f"{self.path}, line {node.start_mark.line + 1}: {what}")
