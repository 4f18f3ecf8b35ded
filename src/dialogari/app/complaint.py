"""Errors that an operator can mend, in words for an operator."""

from __future__ import annotations

from dataclasses import dataclass

from dialogari.agent.local.errors import LocalModelError
from dialogari.ari.errors import leaves
from dialogari.config import ConfigError
from dialogari.sandbox.errors import SandboxError
from dialogari.store.errors import SetupError, StoreError
from dialogari.tool import InvalidToolError

OPERATOR_ERRORS = (ConfigError, StoreError, InvalidToolError, LocalModelError, SandboxError)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What to tell the operator."""

    text: str
    misconfigured: bool
    """A setting is wrong, rather than that the thing asked for failed."""


def complain(error: BaseException) -> Complaint | None:
    """Return what an operator can do about `error`; None if it is a fault of ours."""
    errors = list(leaves(error))
    if not all(isinstance(e, OPERATOR_ERRORS) for e in errors):
        return None
    lines = dict.fromkeys(str(e) for e in errors)
    return Complaint("\n".join(lines), any(isinstance(e, ConfigError | SetupError) for e in errors))
