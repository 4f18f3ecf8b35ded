"""extensions.conf into steps: which application, with what, in which order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dialogari.doctor.configuration import Sections

_NOT_CONTEXTS = {"general", "globals"}
_STEP = re.compile(
    r"(?P<priority>[^,(]*)(?:\([^)]*\))?\s*,\s*(?P<application>[A-Za-z]\w*)(?P<data>.*)"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One priority of an extension."""

    application: str
    """In lower case: Asterisk does not mind the case."""
    data: str
    """What stood in the brackets."""


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension of a context, its steps in order."""

    context: str
    name: str
    steps: Sequence[Step]

    def __str__(self) -> str:
        return f"{self.name}@{self.context}"


def read_extensions(file: Sections) -> list[Extension]:
    """Return every extension of every context, in the order of the file."""
    found: dict[tuple[str, str], list[Step]] = {}
    for context in file.pairs:
        if context not in _NOT_CONTEXTS and context not in file.templates:
            for name, step in _steps(file.pairs[context]):
                found.setdefault((context, name), []).append(step)
    return [Extension(context, name, steps) for (context, name), steps in found.items()]


def _steps(pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, Step]]:
    extension = ""
    for key, value in pairs:
        rest = value
        if key.lower() == "exten":
            extension, _, rest = (part.strip() for part in value.partition(","))
        elif key.lower() != "same":
            continue
        step = _STEP.match(rest)
        if step is not None:
            yield extension, Step(step["application"].lower(), _data(step["data"].strip()))


def _data(text: str) -> str:
    """Return what stood in the brackets, or behind the comma of the old way to write it."""
    if text.startswith("(") and text.endswith(")"):
        return text[1:-1]
    return text.removeprefix(",").strip()
