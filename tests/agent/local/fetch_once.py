"""A process of its own that fetches one model: what two of them at once, or a hub, are tested with.

Arguments: cache folder, file name, size, SHA-256, then either `hub` or the distributions. Prints
one step of progress a line, then `file PATH` or `failed REASON`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dialogari.agent.local.catalogue import DataPackages, HubFile, LocalModel
from dialogari.agent.local.errors import FetchError
from dialogari.agent.local.fetch import fetch_model
from dialogari.agent.local.progress import Progress

cache, file_name, size, sha256, *distributions = sys.argv[1:]
source = (
    HubFile("owner/model", file_name, "0" * 40)
    if distributions == ["hub"]
    else DataPackages(tuple(distributions), "1.0")
)
model = LocalModel(
    name="small",
    file_name=file_name,
    size=int(size),
    sha256=sha256,
    context=1,
    languages=(),
    licence="MIT",
    description="",
    sources=(source,),
)


def report(progress: Progress) -> None:
    """Print how far it has come."""
    sys.stdout.write(f"{progress.step} {progress.done}\n")


try:
    sys.stdout.write(f"file {fetch_model(model, Path(cache), report)}\n")
except FetchError as error:
    sys.stdout.write(f"failed {error}\n")
