"""The examples of our pages: programs to run, and files for Asterisk to read."""

from __future__ import annotations

import ast
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """What stands between two fences of a page."""

    page: str
    line: int
    """The line before its first."""
    language: str
    source: str

    @property
    def name(self) -> str:
        """What it is about: its last function but `main`, or the file it is for."""
        if self.language == "ini":
            return self.source.split(None, 2)[1].rstrip(",")
        functions = [
            node.name
            for node in ast.parse(self.source).body
            if isinstance(node, ast.AsyncFunctionDef) and node.name != "main"
        ]
        return functions[-1]

    @property
    def is_program(self) -> bool:
        """Whether it is a whole program."""
        return "asyncio.run(main())" in self.source

    def changed(self, changes: Mapping[str, str]) -> str:
        """Return its text with some of it replaced, all of which must be there."""
        text = self.source
        for old, new in changes.items():
            assert old in text, f"{self.page}:{self.line} has no {old!r} to put {new!r} for"
            text = text.replace(old, new)
        return text

    def function(
        self, printed: list[str], changes: Mapping[str, str]
    ) -> Callable[[Any], Awaitable[None]]:
        """Execute it, its output going to `printed`; return the function it is about."""

        def note(*words: object) -> None:
            printed.append(" ".join(map(str, words)))

        # Blank lines, so that a traceback names the line of the page.
        text = "\n" * self.line + self.changed(changes)
        namespace: dict[str, Any] = {"print": note, "__name__": self.name}
        exec(compile(text, str(DOCS / self.page), "exec"), namespace)  # noqa: S102 - to run our own page is the point
        return namespace[self.name]


def examples(page: str, language: str) -> list[Example]:
    """Return the examples of a page that are written in a language, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [
        Example(page, text.count("\n", 0, fence.start(2)), fence[1], fence[2])
        for fence in _FENCE.finditer(text)
        if fence[1] == language
    ]
