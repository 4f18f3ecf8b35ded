#!/usr/bin/env python3
"""Writes src/dialogari/ari/{models,operations}.py from the API descriptions an Asterisk carries.

    python tools/generate_ari.py http://127.0.0.1:8088/ari --user USER --password PASSWORD
    python tools/generate_ari.py /usr/share/asterisk/rest-api --version 22.10.1

What does not come from the descriptions stands beside this file: in ari_models.py.in and
ari_operations.py.in, filled in where they say `#: NAME`, and in ari_operations.toml, our own words
about each operation.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import ari_models
import ari_operations
from ari_descriptions import folder_reader, read_declarations, server_reader

ROOT = Path(__file__).parent.parent
OUTPUT = ROOT / "src/dialogari/ari"


def formatted(code: str, name: str) -> str:
    """Return the code as the project's ruff writes it."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", OUTPUT / name, "-"]
    done = subprocess.run(  # noqa: S603 - a fixed command
        command, input=code, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    return done.stdout


def main() -> None:
    """Write the files that the command line asks for."""
    parser = argparse.ArgumentParser(description="Writes dialogari.ari.models and .operations.")
    parser.add_argument("source", help="address of a running Asterisk's ARI, or a folder")
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--version", default="", help="of the Asterisk a folder comes from")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="a folder")
    given = parser.parse_args()
    if given.source.startswith(("http://", "https://")):
        read = server_reader(given.source, given.user, given.password)
        version = read("/asterisk/info?only=system")["system"]["version"]
    else:
        read, version = folder_reader(Path(given.source)), given.version
    described = read_declarations(read, version)
    for name, code in {
        "models.py": ari_models.render(described),
        "operations.py": ari_operations.render(described),
    }.items():
        (given.output / name).write_text(formatted(code, name), encoding="utf-8")


if __name__ == "__main__":
    main()
