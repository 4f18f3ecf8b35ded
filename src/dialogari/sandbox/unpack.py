"""Debian packages unpacked into a folder, as a tree that runs where it lies.

Only files are taken out of the packages, by dpkg-deb and tar; no script of theirs is run and no
owner is set, so this needs no root. Documentation and translations stay out.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/lib/*/gconv")
_PACKAGE_LIMIT = 120.0
"""Seconds for one package; the largest takes two."""


def unpack(packages: Sequence[Path], root: Path, report: Callable[[int], None]) -> None:
    """Unpack Debian packages below `root`, a new folder; `report` gets the bytes read so far.

    Raises:
        OSError: a package is broken, or the disk is full.
        subprocess.TimeoutExpired: a package takes far too long.
    """
    # First the links of a merged /usr, so that packages from before and after the merge meet.
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    done = 0
    for package in packages:
        _unpack_one(package, root)
        done += package.stat().st_size
        report(done)
    _relink(root)


def _unpack_one(package: Path, root: Path) -> None:
    options = ["--extract", "--no-same-owner", "--keep-directory-symlink"]
    options += [f"--exclude=./{pattern}/*" for pattern in _LEFT_OUT]
    with subprocess.Popen(  # noqa: S603  our own arguments, no shell
        ["dpkg-deb", "--fsys-tarfile", str(package)],  # noqa: S607  found on PATH, as apt is
        stdout=subprocess.PIPE,
    ) as reader:
        try:
            tar = subprocess.run(  # noqa: S603  our own arguments, no shell
                ["tar", f"--directory={root}", *options],  # noqa: S607  found on PATH, as apt is
                stdin=reader.stdout,
                stderr=subprocess.PIPE,
                timeout=_PACKAGE_LIMIT,
                check=False,
                text=True,
            )
        finally:
            reader.terminate()
    if tar.returncode != 0:
        raise OSError(tar.stderr.strip().rpartition("\n")[2])


def _relink(root: Path) -> None:
    """Make absolute links relative where they mean the tree, as they would point at the system."""
    for folder, folders, files in os.walk(root):
        for link in (Path(folder, name) for name in (*folders, *files)):
            if link.is_symlink() and link.readlink().is_absolute():
                target = root / link.readlink().relative_to("/")
                if target.exists():
                    link.unlink()
                    link.symlink_to(os.path.relpath(target, link.parent))
