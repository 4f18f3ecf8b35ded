"""What a check says: one line for the operator, with its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """Calls are answered, but something is risky, or can't be known from here."""
    FAIL = "fail"
    """Calls are not answered, or will be lost when something dies."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. No secret and no text of a foreign error is ever in it."""

    name: str
    """What was found, `area.what`: never renamed silently, alerts may hang on it."""
    verdict: Verdict
    text: str
    remedy: str = ""
    """What to do; empty only where nothing is wrong."""


def ok(name: str, text: str) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(name, Verdict.OK, text)


def warn(name: str, text: str, remedy: str) -> Finding:
    """Return a finding to look at."""
    return Finding(name, Verdict.WARN, text, remedy)


def fail(name: str, text: str, remedy: str) -> Finding:
    """Return a finding that must be mended."""
    return Finding(name, Verdict.FAIL, text, remedy)
