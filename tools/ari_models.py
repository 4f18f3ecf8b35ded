"""Makes models.py: every object and event of the descriptions as a struct."""

from __future__ import annotations

import keyword
import re
import textwrap
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ari_descriptions import Described, Property

TEMPLATE = Path(__file__).with_name("ari_models.py.in")

PRIMITIVES = {
    "string": "str",
    "int": "int",
    "long": "int",
    "double": "float",
    "boolean": "bool",
    "object": "dict[str, Any]",
    "Date": "str",
}
SHARED = {"type", "asterisk_id", "application", "timestamp"}
"""Fields of Message and Event, which the template writes by hand."""
KEYS = {
    "Channel": ("channel:{%s.id}",),
    "Bridge": ("bridge:{%s.id}",),
    # What a playback or a recording sounds on is named by its URI, which has the form of a key.
    "Playback": ("playback:{%s.id}", "{%s.target_uri}"),
    "LiveRecording": ("recording:{%s.name}", "{%s.target_uri}"),
    "Endpoint": ("endpoint:{%s.technology}/{%s.resource}",),
    "DeviceState": ("device:{%s.name}",),
}
"""The keys that an event gets for an object in it. They are not looked into for more."""


def render(described: Described) -> str:
    """Return the text of models.py, before formatting."""
    if {p.name for base in ("Message", "Event") for p in described.models[base]} != SHARED:
        raise SystemExit(f"what all events share has changed: {TEMPLATE} must follow")
    objects = sorted(described.models.keys() - {"Message", "Event", *described.events})
    return filled(
        TEMPLATE,
        described.version,
        {
            "VERSION": f'ASTERISK_VERSION = "{described.version}"',
            "OBJECTS": "\n\n".join(_class(described, name) for name in objects),
            "EVENTS": "\n\n".join(_class(described, name) for name in described.events),
            "UNION": f"AnyEvent: TypeAlias = {' | '.join(described.events)}",
        },
    )


def filled(template: Path, version: str, parts: dict[str, str]) -> str:
    """Return a template's text with the parts in their places."""
    text = template.read_text(encoding="utf-8").replace("@VERSION@", version)
    for name, code in parts.items():
        if text.count(f"#: {name}\n") != 1:
            raise SystemExit(f"{template} has no place for {name}")
        text = text.replace(f"#: {name}\n", code + "\n")
    return text


def python_type(declared: str, objects: str = "") -> str:
    """Return a declared type as Python writes it; `objects` is the prefix of the models."""
    inner = re.fullmatch(r"List\[(.+)\]", declared)
    if inner:
        return f"list[{python_type(inner[1], objects)}]"
    return PRIMITIVES.get(declared, f"{objects}{declared}")


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
        lines += _keys(described, properties)
    return "\n".join(lines) + "\n"


def _docstring(kind: str, name: str, properties: tuple[Property, ...]) -> list[str]:
    told = [f"Known in `{p.name}`: {', '.join(p.values)}." for p in properties if p.values]
    if not told:
        return [f'    """{kind} `{name}`."""']
    text = "\n\n".join([f'"""{kind} `{name}`.', *(textwrap.fill(line, 92) for line in told)])
    return textwrap.indent(text + '\n"""', "    ").splitlines()


def _field(declared: Property) -> str:
    name, kind = declared.name, python_type(declared.type)
    default = "" if declared.required else " | None = None"
    if keyword.iskeyword(name):
        given = f'name="{name}"' if declared.required else f'name="{name}", default=None'
        default = f"{'' if declared.required else ' | None'} = msgspec.field({given})"
        name += "_"
    return f"    {name}: {kind}{default}"


def _keys(described: Described, properties: tuple[Property, ...]) -> list[str]:
    """Return the method that names the objects an event concerns, or nothing."""
    found = list(_objects(described, properties))
    if not found:
        return []
    ordered = [one for kind in KEYS for one in found if one[1] == kind]
    return [
        "",
        "    def keys(self) -> tuple[str, ...]:",
        '        """Return the keys of what it is about."""',
        f"        return {_key_expression(ordered)}",
    ]


def _key_expression(found: list[tuple[str, str, bool]]) -> str:
    """Return code as straight as it can be: this runs for each event of each call."""
    alike = Counter(kind for _, kind, _ in found).most_common(1)[0][1] > 1
    texts = [[_text(key, path) for key in KEYS[kind]] for path, kind, _ in found]
    if not alike and all(always for _, _, always in found):
        return f"({', '.join(text for one in texts for text in one)},)"
    if len(found) == 1:
        return f"({', '.join(texts[0])},) if {found[0][0]} else ()"
    parts = [
        text if always else f"{path} and {text}"
        for (path, _, always), one in zip(found, texts, strict=True)
        for text in one
    ]
    return f"_each_once({', '.join(parts)})"


def _text(key: str, path: str) -> str:
    whole = re.fullmatch(r"\{([^{}]+)\}", key)
    return whole[1].replace("%s", path) if whole else f'f"{key.replace("%s", path)}"'


def _objects(
    described: Described, properties: tuple[Property, ...], start: str = "self"
) -> Iterator[tuple[str, str, bool]]:
    """Yield each object that has a key: its path, its model, and whether it is always there."""
    for declared in properties:
        path = f"{start}.{declared.name}"
        if declared.type in KEYS:
            yield path, declared.type, declared.required
            continue
        inner = described.models.get(declared.type, ())
        found = list(_objects(described, inner, path))
        if found and not declared.required:
            raise SystemExit(f"{path} may be absent: teach _objects to look through it")
        yield from found
