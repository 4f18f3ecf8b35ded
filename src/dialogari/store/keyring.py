"""The keys under which secrets lie in the database, so that a copy of it gives none of them away.

The keys are those of SECRET_KEY: the first one locks, all of them open. Where none is set, a key is
made when the first secret is stored and kept in a file that only its owner reads; once SECRET_KEY
is set, that file's key goes on opening what it locked.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from dialogari.store.errors import SecretKeyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KEY_FILE = "secret.key"
"""In the state directory."""


class Keyring:
    """Locks and opens secrets. Nothing is read or made before it is needed.

    `keys`: each 32 bytes in base64. `file`: where a key is kept that was made here; None: nowhere.
    """

    def __init__(self, keys: Sequence[str] = (), file: Path | None = None) -> None:
        self._keys = tuple(keys)
        self._file = file
        self._locks: MultiFernet | None = None

    def lock(self, secret: str) -> str:
        """Return `secret` unreadable. Blocks for a file, the first time.

        Raises:
            SecretKeyError: there is no key, and none can be made.
        """
        if not self._keys and self._file is not None and not self._file.exists():
            _make_key(self._file)
        return self._open_locks().encrypt(secret.encode("utf-8", "surrogatepass")).decode()

    def open(self, locked: str) -> str:
        """Return what `lock` was given. Blocks for a file, the first time.

        Raises:
            SecretKeyError: none of our keys has locked it.
        """
        try:
            return self._open_locks().decrypt(locked).decode("utf-8", "surrogatepass")
        except InvalidToken:
            raise SecretKeyError(
                "a secret in the database was locked with a key that is not here: add that key to "
                f"SECRET_KEY, bring back the file {self._file}, or store the secret again"
            ) from None

    def _open_locks(self) -> MultiFernet:
        if self._locks is None:
            keys = [*self._keys, *_read_key(self._file)]
            if not keys:
                raise SecretKeyError(
                    "there is no key for the secrets in the database: SECRET_KEY is not set, and "
                    f"there is no file {self._file}"
                )
            self._locks = MultiFernet([_fernet(key) for key in keys])
        return self._locks


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        raise SecretKeyError("a secret key is not 32 bytes in base64") from None


def _read_key(file: Path | None) -> Sequence[str]:
    if file is None:
        return []
    try:
        return [file.read_text(encoding="ascii").strip()]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise SecretKeyError(f"{file} can't be read ({type(error).__name__})") from None


def _make_key(file: Path) -> None:
    """Make the file, whole or not at all; where another process was quicker, its key counts."""
    fresh = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as new:
            new.write(Fernet.generate_key() + b"\n")
            new.flush()
            os.fsync(new.fileno())
        try:
            os.link(fresh, file)
        except FileExistsError:
            return
        finally:
            fresh.unlink()
    except OSError as error:
        raise SecretKeyError(
            f"no key for secrets can be made: {file}: {error.strerror}; set SECRET_KEY"
        ) from None
