"""Where an Asterisk lies and how to start it: unpacked in a folder, or installed on the system.

An Asterisk unpacked from another Debian release is run by the C library and the loader that were
unpacked beside it. The library path is an argument of that loader and no environment variable, so
that programs started from the dialplan still get the system's own libraries.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_VERSION_LIMIT = 20.0
"""Seconds `asterisk -V` may take: it does nothing but print, on a disk that may be cold."""
_SYSTEM_PROGRAMS = ("/usr/local/sbin", "/usr/sbin")
"""Where Asterisk is installed, and what is often missing from an ordinary user's PATH."""


@dataclass(frozen=True, slots=True)
class Installation:
    """An Asterisk that can be started."""

    command: tuple[str, ...]
    """Starts the program: loader, library path and binary, or just the binary."""
    modules: Path
    """Folder of the loadable modules, `res_ari.so` and the others."""
    documentation: Path
    """Folder of the XML documentation, which Asterisk needs to accept any configuration of ARI."""
    rest_api: Path
    """Folder of ARI's own description, served below /ari/api-docs; may be absent."""
    sounds: Path
    """Folder of the English prompts; may be absent."""
    version: str
    """Such as `22.10.1`."""

    @property
    def major(self) -> int:
        """The release series, such as 22."""
        return int(self.version.partition(".")[0])


@dataclass(frozen=True, slots=True)
class Machine:
    """What a kind of computer is called by Debian, and where its loader lies."""

    architecture: str
    triplet: str
    loader: str
    """Path below the root of an unpacked tree."""


_MACHINES = {
    "x86_64": Machine("amd64", "x86_64-linux-gnu", "lib64/ld-linux-x86-64.so.2"),
    "aarch64": Machine("arm64", "aarch64-linux-gnu", "lib/ld-linux-aarch64.so.1"),
}


def this_machine() -> Machine | None:
    """Return this computer's names, or None where Debian's Asterisk is not fetched for it."""
    return _MACHINES.get(platform.machine())


def describe_tree(root: Path, machine: Machine, version: str = "") -> Installation:
    """Return the Asterisk unpacked below `root`; without a version it is asked for its own.

    Raises:
        OSError, subprocess.SubprocessError: it does not run.
        ValueError: it has no modules, or names no version.
    """
    libraries = (root / "usr/lib" / machine.triplet, root / "usr/lib")
    command = (
        str(root / machine.loader),
        "--library-path",
        ":".join(str(folder) for folder in libraries),
        str(root / "usr/sbin/asterisk"),
    )
    share = root / "usr/share/asterisk"
    return Installation(
        command=command,
        modules=_first_folder((folder / "asterisk/modules" for folder in libraries), "res_ari.so"),
        documentation=share / "documentation",
        rest_api=share / "rest-api",
        sounds=share / "sounds/en_US_f_Allison",
        version=version or _ask_version(command),
    )


def find_installed() -> Installation | None:
    """Return the `asterisk` on PATH or in the system's sbin folders, or None.

    One that does not run, or whose modules lie where nobody expects them, counts as not there.
    """
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM_PROGRAMS))
    binary = shutil.which("asterisk", path=path)
    if binary is None:
        return None
    prefix = Path(binary).parent.parent
    libraries = (*prefix.glob("lib/*-linux-gnu"), prefix / "lib", prefix / "lib64")
    places = (prefix / "share/asterisk", Path("/var/lib/asterisk"), prefix / "var/lib/asterisk")
    try:
        data = _first_folder(places, "documentation")
        return Installation(
            command=(binary,),
            modules=_first_folder((lib / "asterisk/modules" for lib in libraries), "res_ari.so"),
            documentation=data / "documentation",
            rest_api=data / "rest-api",
            sounds=data / "sounds/en",
            version=_ask_version((binary,)),
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _first_folder(places: Iterable[Path], content: str) -> Path:
    for place in places:
        if (place / content).exists():
            return place
    raise ValueError(f"no folder holds {content}")


def _ask_version(command: tuple[str, ...]) -> str:
    answer = subprocess.run(  # noqa: S603  the program found above, no shell
        [*command, "-V"], capture_output=True, text=True, timeout=_VERSION_LIMIT, check=True
    )
    # "Asterisk 22.10.1+dfsg…", "Asterisk certified/20.7-cert1", "Asterisk GIT-20-0a1b2c"
    if found := re.match(r"Asterisk \D*(\d+(?:\.\d+)*)", answer.stdout):
        return found[1]
    raise ValueError(answer.stdout)
