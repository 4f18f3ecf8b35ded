"""The keys that lock secrets."""

from __future__ import annotations

import base64
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from dialogari.store.errors import SecretKeyError
from dialogari.store.keyring import Keyring

ONE, TWO = (Fernet.generate_key().decode() for _ in range(2))


def test_a_key_is_made_when_it_is_needed(tmp_path: Path) -> None:
    """Not before, in a folder that may be new; only its owner reads it; it outlives the process."""
    file = tmp_path / "state" / "secret.key"
    first = Keyring((), file)
    assert not file.exists()

    locked = first.lock("ñandú")

    assert file.stat().st_mode & 0o777 == 0o600
    assert Keyring((), file).open(locked) == "ñandú"
    assert list(file.parent.iterdir()) == [file]


def test_many_that_make_a_key_at_once_agree(tmp_path: Path) -> None:
    """Whoever is quickest makes it; what any of them has locked, all of them open."""
    file = tmp_path / "secret.key"
    rings = [Keyring((), file) for _ in range(16)]
    with ThreadPoolExecutor(16) as threads:
        waiting = [threads.submit(ring.lock, "x") for ring in rings]
        locked = [future.result() for future in waiting]

    assert {ring.open(text) for ring in rings for text in locked} == {"x"}


def test_a_setting_goes_before_the_file(tmp_path: Path) -> None:
    """With SECRET_KEY no file is made; one that is there goes on opening what it locked."""
    file = tmp_path / "secret.key"
    Keyring((ONE,), file).lock("x")
    assert not file.exists()
    old = Keyring((), file).lock("old")

    ring = Keyring((ONE, TWO), file)

    assert ring.open(old) == "old"
    assert ring.open(Keyring((TWO,)).lock("two")) == "two"
    assert Keyring((ONE,)).open(ring.lock("new")) == "new"


def test_keys_as_openssl_writes_them() -> None:
    """32 bytes in either kind of base64 are a key."""
    plain = base64.b64encode(b"\xff\xfe" * 16).decode()

    assert (
        Keyring((plain.replace("/", "_").replace("+", "-"),)).open(Keyring((plain,)).lock("x"))
        == "x"
    )


def test_secrets_without_their_key(tmp_path: Path) -> None:
    """Told in words for the operator, without the secret."""
    locked = Keyring((ONE,)).lock("hidden")
    with pytest.raises(SecretKeyError, match="SECRET_KEY"):
        Keyring((TWO,)).open(locked)
    with pytest.raises(SecretKeyError, match="there is no key"):
        Keyring((), tmp_path / "gone").open(locked)
    with pytest.raises(SecretKeyError, match="there is no key"):
        Keyring().lock("x")


@pytest.mark.parametrize("written", [b"", b"short", b"\xff\xfe"])
def test_a_file_that_is_no_key(tmp_path: Path, written: bytes) -> None:
    """It is not replaced, for what it locked would be lost."""
    file = tmp_path / "secret.key"
    file.write_bytes(written)

    with pytest.raises(SecretKeyError):
        Keyring((), file).lock("x")
    assert file.read_bytes() == written


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """The remedy is SECRET_KEY."""
    tmp_path.chmod(0o500)
    with pytest.raises(SecretKeyError, match="set SECRET_KEY"):
        Keyring((), tmp_path / "secret.key").lock("x")
