"""Reads the API descriptions that an Asterisk carries, from its folder or from the running server.

They are JSON, Swagger 1.1 and 1.2 mixed, under Asterisk's GPL: they are read, never copied, so only
names, types and version numbers are kept of them. What they get wrong is put right here.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    Read = Callable[[str], Any]

TIMEOUT = 10.0
LATER = {("Channel", "protocol_id")}
"""Fields declared as required that an older Asterisk does not send: this one 18.10 does not."""


@dataclass(frozen=True, slots=True)
class Property:
    """One field of a model, as the description declares it."""

    name: str
    type: str
    required: bool
    values: tuple[str, ...]
    """What Asterisk's description allows; never enforced, because newer ones add values."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation."""

    name: str
    type: str
    place: str
    """`path`, `query` or `body`."""
    required: bool
    several: bool
    """It takes a list."""
    values: tuple[str, ...]
    """All it allows, where it says so."""
    least: int | None
    """The smallest number it takes, where it says so."""
    default: str | None
    """What Asterisk takes where it is not sent, as Python writes it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that Asterisk can be asked to do."""

    resource: str
    """Such as `deviceStates`."""
    nickname: str
    """Unique in its resource, such as `originateWithId`."""
    method: str
    path: str
    answer: str
    """A type, `void` or `binary`."""
    since: tuple[str, ...]
    """The first release of each branch that has it."""
    parameters: tuple[Parameter, ...]
    websocket: bool
    """No command at all: the place where the events socket is opened."""


@dataclass(frozen=True, slots=True)
class Described:
    """All that is read from the descriptions."""

    models: Mapping[str, tuple[Property, ...]]
    events: tuple[str, ...]
    operations: tuple[Operation, ...]
    version: str
    """Three numbers, such as 22.10.1."""


def read_declarations(read: Read, version: str) -> Described:
    """Collect all declarations; `read` returns one, by a name like events.json."""
    models: dict[str, tuple[Property, ...]] = {}
    events: tuple[str, ...] = ()
    operations: list[Operation] = []
    for entry in read("resources.json")["apis"]:
        name = entry["path"].removeprefix("/api-docs/").replace("{format}", "json")
        declaration = read(name)
        operations += _operations(name.removesuffix(".json"), declaration["apis"])
        for model, declared in declaration.get("models", {}).items():
            models[model] = tuple(_properties(model, declared["properties"]))
            if model == "Event":
                events = tuple(sorted(declared["subTypes"]))
    numbers = re.match(r"\d+(\.\d+)+", version)
    if numbers is None or not events:
        raise SystemExit(f"no released Asterisk, or no events: version {version!r}")
    return Described(models, events, tuple(operations), numbers.group())


def _properties(model: str, declared: Mapping[str, Any]) -> Iterator[Property]:
    for name, detail in declared.items():
        values = detail.get("allowableValues", {}).get("values", ())
        required = detail.get("required", False) and (model, name) not in LATER
        yield Property(name, detail["type"], required, tuple(values))


def _operations(resource: str, paths: list[dict[str, Any]]) -> Iterator[Operation]:
    for path in paths:
        for declared in path["operations"]:
            yield Operation(
                resource=resource,
                nickname=declared["nickname"],
                method=declared["httpMethod"],
                path=path["path"],
                answer=declared["responseClass"],
                since=tuple(declared.get("since", ())),
                parameters=tuple(_parameter(one) for one in declared.get("parameters", ())),
                websocket="upgrade" in declared,
            )


def _parameter(declared: Mapping[str, Any]) -> Parameter:
    allowed = declared.get("allowableValues", {})
    return Parameter(
        name=declared["name"],
        type=declared["dataType"],
        place=declared["paramType"],
        required=declared.get("required", False) or declared["paramType"] == "path",
        several=declared.get("allowMultiple", False),
        values=tuple(allowed.get("values", ())),
        least=allowed.get("min"),
        default=repr(declared["defaultValue"]) if "defaultValue" in declared else None,
    )


def folder_reader(folder: Path) -> Read:
    """Read declarations from the files that Asterisk installs."""
    return lambda name: json.loads((folder / name).read_text(encoding="utf-8"))


def server_reader(url: str, user: str, password: str) -> Read:
    """Read declarations, and `/asterisk/info`, from a running Asterisk."""
    token = base64.b64encode(f"{user}:{password}".encode()).decode()

    def read(name: str) -> Any:
        path = name if name.startswith("/") else f"/api-docs/{name}"
        request = urllib.request.Request(url.rstrip("/") + path)  # noqa: S310 - our caller's own server
        request.add_header("Authorization", f"Basic {token}")
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - the same
            return json.load(answer)

    return read
