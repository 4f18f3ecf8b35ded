"""Makes operations.py: every operation of the descriptions as a typed method."""

from __future__ import annotations

import keyword
import re
import sys
import textwrap
import tomllib
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ari_models import filled, python_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ari_descriptions import Described, Operation, Parameter

TEMPLATE = Path(__file__).with_name("ari_operations.py.in")
WORDS = Path(__file__).with_name("ari_operations.toml")
WIDTH = 91
"""Of the text of a docstring."""

IN_QUERY = {"GET", "DELETE"}
"""The methods whose parameters stand in the query."""
BARE = "filter"
"""The one parameter that is the whole body, and not a field of it."""
TEXTS = "Mapping[str, str]"
SETTINGS = "Mapping[str, str | Setting]"
CONTAINERS = {
    "variables": SETTINGS,
    "fields": "Sequence[models.ConfigTuple]",
    BARE: 'Mapping[Literal["allowed", "disallowed"], Sequence[Mapping[str, str]]]',
}
"""Types of the parameters that the descriptions leave open."""
RESOURCE_CONTAINERS = {
    ("endpoints", "variables"): TEXTS,
    ("events", "variables"): "Mapping[str, object]",
}
"""Where `variables` are not those of a channel or a bridge."""


def render(described: Described) -> str:
    """Return the text of operations.py, before formatting."""
    words = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    commands = sorted(
        (one for one in described.operations if not one.websocket),
        key=lambda one: one.resource.lower(),
    )
    _tell_strays(words, commands)
    classes = [
        _class(resource, list(group), words.get(snake(resource), {}))
        for resource, group in groupby(commands, key=lambda one: one.resource)
    ]
    return filled(TEMPLATE, described.version, {"CLASSES": "\n\n".join(classes)})


def _tell_strays(words: Mapping[str, Any], commands: list[Operation]) -> None:
    """Name the words about an operation or a parameter that is not there: misspelt, or too new."""
    known = {
        f"{snake(one.resource)}.{snake(one.nickname)}": {
            snake(each.name) for each in one.parameters
        }
        for one in commands
    }
    for resource, methods in words.items():
        for method, told in methods.items():
            there = known.get(f"{resource}.{method}")
            if method == "words" or (
                there is not None and told.get("parameters", {}).keys() <= there
            ):
                continue
            sys.stderr.write(f"{WORDS.name} is about what is not there: {resource}.{method}\n")


def snake(name: str) -> str:
    """Return a name of Asterisk's as Python writes it, such as send_dtmf for sendDTMF."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return f"{text}_" if keyword.iskeyword(text) else text


def _class(resource: str, operations: list[Operation], words: Mapping[str, Any]) -> str:
    """Return the class of one resource."""
    names = {snake(one.nickname) for one in operations}
    methods = [_method(one, words.get(snake(one.nickname), {}), names) for one in operations]
    lines = [
        f"class {resource[0].upper()}{resource[1:]}:",
        f'    """{words.get("words", f"Operations of `{resource}`.")}"""',
        "",
        "    def __init__(self, send: Send) -> None:",
        "        self._send = send",
        "",
        *methods,
    ]
    return "\n".join(lines) + "\n"


def _method(operation: Operation, words: Mapping[str, Any], names: set[str]) -> str:
    if "words" not in words:
        name = f"{snake(operation.resource)}.{snake(operation.nickname)}"
        sys.stderr.write(f"no words in {WORDS.name}: {name}\n")
    head = f"async def {snake(operation.nickname)}({_signature(operation)})"
    code = "\n".join(
        [
            f"{head} -> {_answer(operation)}:",
            textwrap.indent(_docstring(operation, words), "    "),
            *(f"    {line}" for line in _statements(operation, words)),
        ]
    )
    if "list" in names:  # in annotations of this class `list` is the method
        head, colon, rest = code.partition(":\n")
        code = re.sub(r"\blist\[", "builtins.list[", head) + colon + rest
    return textwrap.indent(code, "    ") + "\n"


def _signature(operation: Operation) -> str:
    required = [one for one in operation.parameters if one.required]
    optional = [one for one in operation.parameters if not one.required]
    return ", ".join(
        [
            "self",
            *(f"{snake(one.name)}: {_type(operation, one)}" for one in required),
            *(["*"] if optional else []),
            *(f"{snake(one.name)}: {_type(operation, one)} | None = None" for one in optional),
        ]
    )


def _type(operation: Operation, parameter: Parameter) -> str:
    if parameter.place == "body":
        key = (operation.resource, parameter.name)
        return RESOURCE_CONTAINERS.get(key) or CONTAINERS[parameter.name]
    kind = python_type(parameter.type)
    if parameter.values:
        kind = f"Literal[{', '.join(repr(value) for value in parameter.values)}]"
    return f"{kind} | Sequence[{kind}]" if parameter.several else kind


def _answer(operation: Operation) -> str:
    known = {"void": "None", "binary": "bytes"}
    return known.get(operation.answer) or python_type(operation.answer, "models.")


def _docstring(operation: Operation, words: Mapping[str, Any]) -> str:
    told = words.get("words", f"Operation `{operation.nickname}`.")
    parts = [textwrap.fill(line, WIDTH) for line in told.strip().split("\n\n")]
    if len(parts[0]) > WIDTH - len('"""'):
        raise SystemExit(f"{WORDS.name}: {operation.nickname} must begin with one line")
    listed = [line for one in operation.parameters for line in _about(one, words)]
    if listed:
        parts.append("\n".join(listed))
    place = f"{operation.method} {operation.path}, since Asterisk {_since(operation)}."
    parts.append(textwrap.fill(place, WIDTH))
    return '"""' + "\n\n".join(parts) + '\n"""'


def _since(operation: Operation) -> str:
    releases = sorted(operation.since, key=lambda one: [int(part) for part in one.split(".")])
    return ", ".join(releases) or "12.0.0"


def _about(parameter: Parameter, words: Mapping[str, Any]) -> Iterator[str]:
    """Yield what name and type do not say of a parameter."""
    told = [words.get("parameters", {}).get(snake(parameter.name), "")]
    if parameter.least is not None:
        told.append(f"{parameter.least} or more")
    if parameter.default is not None:
        told.append(f"{parameter.default} by default")
    if any(told):
        text = f"- `{snake(parameter.name)}`: {'; '.join(one for one in told if one)}."
        yield textwrap.fill(text, WIDTH, subsequent_indent="  ")


def _statements(operation: Operation, words: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines that send the command and return its answer."""
    path = re.sub(r"\{(\w+)\}", lambda found: f"{{_name({snake(found[1])})}}", operation.path[1:])
    sent = [one for one in operation.parameters if one.place != "path"]
    arguments = [f'"{operation.method}"']
    if operation.method in IN_QUERY:
        if sent:
            yield f"query = _query({_pairs(operation, sent)})"
        arguments.append(_string(path + ("{query}" if sent else "")))
    else:
        arguments += [_string(path), *([_body(operation, sent)] if sent else [])]
    if words.get("repeatable", operation.method != "POST"):
        arguments.append("repeatable=True")
    if words.get("over_http", operation.answer == "binary"):
        arguments.append("over_http=True")
    yield f"request = Request({', '.join(arguments)})"
    answer = _answer(operation)
    if answer == "None":
        yield "await self._send(request)"
    elif answer == "bytes":
        yield "return (await self._send(request)).body"
    else:
        yield f"return (await self._send(request)).read({answer})"


def _string(path: str) -> str:
    return f'f"{path}"' if "{" in path else f'"{path}"'


def _body(operation: Operation, sent: list[Parameter]) -> str:
    if [one.name for one in sent] == [BARE]:
        return f"msgspec.json.encode({BARE}) if {BARE} is not None else b''"
    return f"_body({_pairs(operation, sent)})"


def _pairs(operation: Operation, sent: list[Parameter]) -> str:
    pairs: list[str] = []
    for one in sent:
        value = snake(one.name)
        if _type(operation, one) in {TEXTS, SETTINGS}:
            value = f"_texts({value})"
        elif operation.method in IN_QUERY and one.several:
            value = f'_listed("{value}", {value})'
        elif operation.method in IN_QUERY and one.type != "string":
            raise SystemExit(f"{operation.nickname}: teach _query to write {one.type}")
        pairs.append(f"{one.name}={value}")
    if any(keyword.iskeyword(one.name) for one in sent):
        return "**{" + ", ".join(re.sub(r"^(\w+)=", r'"\1": ', pair) for pair in pairs) + "}"
    return ", ".join(pairs)
