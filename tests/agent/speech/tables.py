"""The tables of cases beside this file, for people to read and to add to."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def read_spoken(name: str) -> list[tuple[str, str]]:
    """Return what is written and what is said, from lines such as `5 km => 5 kilometers`."""
    pairs = (line.split(" => ") for line in _read(name))
    return [(written, written if said == "same" else said) for written, said in pairs]


def read_sentences() -> list[tuple[str, list[str]]]:
    """Return texts and their sentences, from lines such as `One. ‖Two.`."""
    lines = [line.replace("↵", "\n") for line in _read("sentences.txt")]
    return [
        (line.replace("‖", ""), [part.strip() for part in line.split("‖") if part.strip()])
        for line in lines
    ]


def _read(name: str) -> list[str]:
    lines = (_HERE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("## ")]
