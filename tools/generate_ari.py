#!/usr/bin/env python3
"""Writes src/dialogari/ari/models.py from the API descriptions that an Asterisk carries.

    python tools/generate_ari.py http://127.0.0.1:8088/ari --user USER --password PASSWORD
    python tools/generate_ari.py /usr/share/asterisk/rest-api --version 22.10.1

The descriptions are JSON (Swagger 1.1 and 1.2 mixed) under Asterisk's GPL: they are read, never
copied, so of them only names and types reach the output, and its docstrings are made here. What
does not come from the descriptions, such as decoding and the base classes, stands in
tools/ari_models.py.in and is filled in where it says `#: NAME`.
"""

from __future__ import annotations

import argparse
import base64
import json
import keyword
import re
import subprocess
import sys
import textwrap
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).parent.parent
TEMPLATE = Path(__file__).with_name("ari_models.py.in")
OUTPUT = ROOT / "src/dialogari/ari/models.py"
TIMEOUT = 10.0

PRIMITIVES = {
    "string": "str",
    "int": "int",
    "long": "int",
    "double": "float",
    "boolean": "bool",
    "object": "dict[str, Any]",
    "Date": "str",
}
TARGETED = ("Playback", "LiveRecording")
"""Models that name a channel or a bridge in `target_uri`."""
SHARED = {"type", "asterisk_id", "application", "timestamp"}
"""Fields of Message and Event, which the template writes by hand."""
LATER = {("Channel", "protocol_id")}
"""Fields declared as required that an older Asterisk does not send: this one 18.10 does not."""
OPAQUE = ("Channel", "Bridge", "Endpoint", *TARGETED)
"""Models that are not looked into for the channels an event is about."""


@dataclass(frozen=True, slots=True)
class Property:
    """One field of a model, as the description declares it."""

    name: str
    type: str
    required: bool
    values: tuple[str, ...]
    """What Asterisk's description allows; never enforced, because newer ones add values."""


@dataclass(frozen=True, slots=True)
class Described:
    """All that is read from the descriptions."""

    models: Mapping[str, tuple[Property, ...]]
    events: tuple[str, ...]
    version: str
    """Three numbers, such as 22.10.1."""


def read_declarations(read: Callable[[str], Any], version: str) -> Described:
    """Collect the models of all declarations; `read` returns one, by a name like events.json."""
    models: dict[str, tuple[Property, ...]] = {}
    events: tuple[str, ...] = ()
    for entry in read("resources.json")["apis"]:
        name = entry["path"].removeprefix("/api-docs/").replace("{format}", "json")
        for model, declared in read(name).get("models", {}).items():
            models[model] = tuple(_properties(model, declared["properties"]))
            if model == "Event":
                events = tuple(sorted(declared["subTypes"]))
    numbers = re.match(r"\d+(\.\d+)+", version)
    if numbers is None or not events:
        raise SystemExit(f"no released Asterisk, or no events: version {version!r}")
    return Described(models, events, numbers.group())


def _properties(model: str, declared: Mapping[str, Any]) -> Iterator[Property]:
    for name, detail in declared.items():
        values = detail.get("allowableValues", {}).get("values", ())
        required = detail.get("required", False) and (model, name) not in LATER
        yield Property(name, detail["type"], required, tuple(values))


def folder_reader(folder: Path) -> Callable[[str], Any]:
    """Read declarations from the files that Asterisk installs."""
    return lambda name: json.loads((folder / name).read_text(encoding="utf-8"))


def server_reader(url: str, user: str, password: str) -> Callable[[str], Any]:
    """Read declarations, and `/asterisk/info`, from a running Asterisk."""
    token = base64.b64encode(f"{user}:{password}".encode()).decode()

    def read(name: str) -> Any:
        path = name if name.startswith("/") else f"/api-docs/{name}"
        request = urllib.request.Request(url.rstrip("/") + path)  # noqa: S310 - our caller's own server
        request.add_header("Authorization", f"Basic {token}")
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - the same
            return json.load(answer)

    return read


def render(described: Described) -> str:
    """Return the text of models.py, before formatting."""
    if {p.name for base in ("Message", "Event") for p in described.models[base]} != SHARED:
        raise SystemExit(f"what all events share has changed: {TEMPLATE} must follow")
    objects = sorted(described.models.keys() - {"Message", "Event", *described.events})
    filled = {
        "VERSION": f'ASTERISK_VERSION = "{described.version}"',
        "OBJECTS": "\n\n".join(_class(described, name) for name in objects),
        "EVENTS": "\n\n".join(_class(described, name) for name in described.events),
        "UNION": f"AnyEvent: TypeAlias = {' | '.join(described.events)}",
    }
    text = TEMPLATE.read_text(encoding="utf-8").replace("@VERSION@", described.version)
    for name, code in filled.items():
        if text.count(f"#: {name}\n") != 1:
            raise SystemExit(f"{TEMPLATE} has no place for {name}")
        text = text.replace(f"#: {name}\n", code + "\n")
    return text


def _class(described: Described, name: str) -> str:
    properties = described.models[name]
    event = name in described.events
    base, kind = ("Event", "Event") if event else ("Model", "Object")
    tag = ""
    if name == "MissingParams":
        base, kind = "Message", "Message"
    elif name == "RESTRequest":
        kind, tag = "Message", ', tag_field="type", tag=True'
        properties = tuple(p for p in properties if p.name != "type")
    lines = [
        f"class {name}({base}, kw_only=True, frozen=True{tag}):",
        *_docstring(kind, name, properties),
        "",
    ]
    lines += [_field(declared) for declared in properties]
    if event:
        lines += _channel_ids(described, properties)
    return "\n".join(lines) + "\n"


def _docstring(kind: str, name: str, properties: tuple[Property, ...]) -> list[str]:
    told = [f"Known in `{p.name}`: {', '.join(p.values)}." for p in properties if p.values]
    if not told:
        return [f'    """{kind} `{name}`."""']
    text = "\n\n".join([f'"""{kind} `{name}`.', *(textwrap.fill(line, 92) for line in told)])
    return textwrap.indent(text + '\n"""', "    ").splitlines()


def _field(declared: Property) -> str:
    name, kind = declared.name, _python_type(declared.type)
    default = "" if declared.required else " | None = None"
    if keyword.iskeyword(name):
        given = f'name="{name}"' if declared.required else f'name="{name}", default=None'
        default = f"{'' if declared.required else ' | None'} = msgspec.field({given})"
        name += "_"
    return f"    {name}: {kind}{default}"


def _python_type(declared: str) -> str:
    inner = re.fullmatch(r"List\[(.+)\]", declared)
    if inner:
        return f"list[{_python_type(inner[1])}]"
    return PRIMITIVES.get(declared, declared)


def _channel_ids(described: Described, properties: tuple[Property, ...]) -> list[str]:
    """Return the method that tells which channels an event concerns, or nothing."""

    def paths(*models: str) -> list[tuple[str, bool]]:
        return list(_paths(described, properties, models))

    channels, bridges, targets = paths("Channel"), paths("Bridge"), paths(*TARGETED)
    if len(channels) == 1 and channels[0][1]:
        body = f"({channels[0][0]}.id,)"
    elif channels:
        body = f"_ids({', '.join(path for path, _ in channels)})"
    elif targets:
        body = f"_target({targets[0][0]}.target_uri)"
    elif bridges:
        body = f"_members({', '.join(path for path, _ in bridges)})"
    else:
        return []
    return [
        "",
        "    def channel_ids(self) -> tuple[str, ...]:",
        '        """Return the ids of the channels it is about."""',
        f"        return {body}",
    ]


def _paths(
    described: Described,
    properties: tuple[Property, ...],
    models: tuple[str, ...],
    start: str = "self",
) -> Iterator[tuple[str, bool]]:
    """Yield each path to an object of those models, and whether it is always there."""
    for declared in properties:
        path = f"{start}.{declared.name}"
        if declared.type in models:
            yield path, declared.required
        elif declared.type not in OPAQUE:
            inner = described.models.get(declared.type, ())
            found = list(_paths(described, inner, models, path))
            if found and not declared.required:
                raise SystemExit(f"{path} may be absent: teach _channel_ids to look through it")
            yield from found


def formatted(code: str) -> str:
    """Return the code as the project's ruff writes it."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(OUTPUT), "-"]
    done = subprocess.run(  # noqa: S603 - a fixed command
        command, input=code, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    return done.stdout


def main() -> None:
    """Write the file that the command line asks for."""
    parser = argparse.ArgumentParser(description="Writes dialogari.ari.models.")
    parser.add_argument("source", help="address of a running Asterisk's ARI, or a folder")
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--version", default="", help="of the Asterisk a folder comes from")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    given = parser.parse_args()
    if given.source.startswith(("http://", "https://")):
        read = server_reader(given.source, given.user, given.password)
        version = read("/asterisk/info?only=system")["system"]["version"]
    else:
        read, version = folder_reader(Path(given.source)), given.version
    code = formatted(render(read_declarations(read, version)))
    given.output.write_text(code, encoding="utf-8")


if __name__ == "__main__":
    main()
