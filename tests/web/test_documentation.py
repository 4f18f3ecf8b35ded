"""The examples of docs/api.md are run as they stand there, one after the other."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from api_serving import KEY, ApiServer

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANYTHING = "…"


def _agrees(shown: object, found: object) -> bool:
    """Return whether what the page shows is what came; `…` stands for anything."""
    if shown == ANYTHING:
        return True
    if isinstance(shown, dict) and isinstance(found, dict):
        fields, others = cast("dict[str, Any]", shown), cast("dict[str, Any]", found)
        return fields.keys() == others.keys() and all(
            _agrees(value, others[name]) for name, value in fields.items()
        )
    if isinstance(shown, list) and isinstance(found, list):
        items, rest = cast("list[Any]", shown), cast("list[Any]", found)
        return len(items) == len(rest) and all(map(_agrees, items, rest))
    return shown == found


async def _run(script: str, api: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *("sh", "-eu", "-c", script),
        env={"PATH": os.environ["PATH"], "API": api, "KEY": KEY},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    assert (process.returncode, err) == (0, b""), script
    return out.decode()


@pytest.mark.skipif(shutil.which("curl") is None, reason="NOT TESTED: curl is not here")
async def test_the_examples(server: ApiServer) -> None:
    """Each is answered, and where the page shows the answer, so."""
    blocks = [*BLOCK.findall(PAGE.read_text(encoding="utf-8")), ("", "")]
    outputs: dict[str, str] = {}
    for (kind, script), (following, shown) in pairwise(blocks):
        if kind != "sh":
            continue
        out = outputs[script] = await _run(script, f"{server.url}/api/v1")
        if following == "json":
            assert _agrees(json.loads(shown), json.loads(out)), (script, out)
        else:
            assert '"code"' not in out, (script, out)

    assert len(outputs) >= 14
    (stream,) = (out for script, out in outputs.items() if "text/event-stream" in script)
    assert stream.startswith("event: delta\ndata: ")
    assert "\n\nevent: done\ndata: {" in stream
