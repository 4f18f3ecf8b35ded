"""Asterisk's own files: read where they are, as far as a check needs them.

The format is Asterisk's ("Asterisk Configuration Files" in its documentation): sections,
`key = value` or `key => value`, `;` comments, templates, `#include`. A section marked `(!)` is a
template and counts for those alone that inherit it. `#exec` is not run. Files say what Asterisk was
told at its last reload at best: where ARI tells the same, ARI is asked.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dialogari.doctor.findings import Finding, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST = 10
"""Files that include one another; Asterisk's own limit."""
_INCLUDE = re.compile(r'#(?:try)?include\s+["<]?([^">]+)[">]?')
_SECTION = re.compile(r"\[([^\]]+)\](?:\(([^)]*)\))?")
_ELSEWHERE = "run doctor on the PBX, or copy its files and name their folder by --asterisk-config"


@dataclass(slots=True)
class Sections:
    """The sections of one file, its includes in place."""

    pairs: dict[str, list[tuple[str, str]]] = field(
        default_factory=dict[str, list[tuple[str, str]]]
    )
    """By section: every key and value in order; a key may come many times."""
    templates: set[str] = field(default_factory=set[str])

    def get(self, section: str, key: str) -> str:
        """Return the last value of `key`, "" where there is none; a template has none."""
        if section in self.templates:
            return ""
        values = [value for name, value in self.pairs.get(section, ()) if name.lower() == key]
        return values[-1] if values else ""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The files that the checks want. A file that is not there says nothing."""

    asterisk: Sections
    http: Sections
    ari: Sections
    extensions: Sections


def load_configuration(folder: Path) -> Configuration:
    """Read the files below `folder`.

    Raises:
        OSError: the folder or one of the files can't be read; asterisk.conf must be there.
    """
    (folder / "asterisk.conf").stat()
    return Configuration(
        *(
            read_sections(folder / f"{name}.conf")
            for name in ("asterisk", "http", "ari", "extensions")
        )
    )


def find_configuration(
    folder: Path, name: str, url: str, *, given: bool
) -> tuple[Finding, Configuration | None]:
    """Return the files, if they are those of the Asterisk called `name` at `url`.

    `given`: the operator named the folder. Else it only counts where ARI is on this machine.
    """
    if not given and not is_local(urlsplit(url).hostname or ""):
        return warn(
            "files.elsewhere",
            "Asterisk is on another machine: live_dangerously and the dialplan are not checked",
            _ELSEWHERE,
        ), None
    try:
        configuration = load_configuration(folder)
    except OSError as error:
        text = (
            f"{error.filename or folder}: {error.strerror}; "
            "live_dangerously and the dialplan are not checked"
        )
        remedy = "run doctor as a user who may read it, or name a folder by --asterisk-config"
        return (fail if given else warn)("files.unreadable", text, remedy), None
    written = configuration.asterisk.get("options", "systemname")
    if written and written != name:
        return warn(
            "files.of_another",
            f"{folder} is of the Asterisk {written!r}, but ARI's is called {name!r}: not checked",
            _ELSEWHERE,
        ), None
    return ok("files", f"Asterisk's files are read in {folder}"), configuration


def is_local(host: str) -> bool:
    """Whether `host` is this machine, by trying to bind to it; nothing is sent."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(address)
    except OSError:
        return False
    return True


def read_sections(path: Path) -> Sections:
    """Read a file and its includes; a missing one has no sections. Raises OSError."""
    sections = Sections()
    current = ""
    for line in _lines(path, path.parent):
        heading = _SECTION.match(line)
        if heading is not None:
            current = heading[1]
            _open_section(sections, current, heading[2] or "")
            continue
        key, equals, value = line.partition("=")
        if equals:
            pair = (key.strip(), value.removeprefix(">").strip())
            sections.pairs.setdefault(current, []).append(pair)
    return sections


def _open_section(sections: Sections, name: str, options: str) -> None:
    """Start or go on with a section: `!` makes it a template, `+` adds, names are inherited."""
    pairs = sections.pairs.setdefault(name, [])
    for option in (word.strip() for word in options.split(",")):
        if option == "!":
            sections.templates.add(name)
        elif option not in {"", "+"}:
            pairs.extend(sections.pairs.get(option, ()))


def _lines(path: Path, root: Path, depth: int = 0) -> Iterator[str]:
    """Yield the lines that say something, comments cut, includes in their place."""
    if not path.exists() or depth > DEEPEST:
        return
    text = re.sub(r";--.*?--;", "", path.read_text("utf-8", errors="replace"), flags=re.DOTALL)
    for raw in text.splitlines():
        line = re.sub(r"(?<!\\);.*", "", raw).replace("\\;", ";").strip()
        include = _INCLUDE.match(line)
        if include is not None:
            for found in sorted(glob(str(root / include[1].strip()))):  # noqa: PTH207 - it may be absolute
                yield from _lines(Path(found), root, depth + 1)
        elif line:
            yield line
