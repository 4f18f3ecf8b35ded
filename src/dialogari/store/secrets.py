"""Secrets of a row, `{"name": "value"}`: locked, opened, and kept where an edit hides them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dialogari.tool import MASK, InvalidToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dialogari.store.keyring import Keyring


def lock_values(keyring: Keyring, values: Mapping[str, str]) -> dict[str, str]:
    """Return the values locked, but for those that are to be kept. Raises SecretKeyError."""
    return {name: value if value == MASK else keyring.lock(value) for name, value in values.items()}


def open_values(keyring: Keyring, values: Mapping[str, str]) -> dict[str, str]:
    """Return what `lock_values` was given. Raises SecretKeyError."""
    return {name: keyring.open(value) for name, value in values.items()}


def same_server(url: str, present: str) -> bool:
    """Return whether a secret for one address may be told to the other."""
    one, other = urlsplit(url), urlsplit(present)
    return (one.scheme, one.netloc.lower()) == (other.scheme, other.netloc.lower())


def keep_values(
    kind: str, locked: Mapping[str, str], present: Mapping[str, str], *, elsewhere: bool = False
) -> dict[str, str]:
    """Return the new values, with the present ones of those that are to be kept.

    `elsewhere`: they would go to another server now. None is kept then: whoever may edit a tool
    without knowing its secrets could have them sent to himself.

    Raises:
        InvalidToolError: one that is to be kept is not there, or would go elsewhere; `kind` says of
            what it is one.
    """
    kept = {name: present.get(name) for name, value in locked.items() if value == MASK}
    for name, value in kept.items():
        if value is not None and elsewhere:
            raise InvalidToolError(
                f"{kind} {name}: the address is another server's now, so write its value again"
            )
        if value is None:
            raise InvalidToolError(f"{kind} {name}: there is no value yet that could be kept")
    return {name: kept.get(name) or value for name, value in locked.items()}
