"""The OpenAPI document, and schemathesis, which holds the API to it."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

from aiohttp.abc import AbstractResolver, ResolveResult

from api_serving import KEY, ApiClient, ApiServer, serving
from dialogari.agent.outbound import Outbound
from dialogari.config import Settings

ROOT = Path(__file__).parents[2]
CASES = 4
"""Made up for each operation, beside those at the edges of its types."""
SECONDS = 40


async def test_the_document(server: ApiServer) -> None:
    """It needs no key, and says of every operation that it does, and what its errors are."""
    async with ApiClient(server.url, key="") as client:
        answer = await client.get("/api/v1/openapi.json")

    assert answer.status == 200
    for path, operations in answer.json["paths"].items():
        for method, operation in operations.items():
            assert operation["security"] == [{"HTTPBearer": []}], (path, method)
            assert operation["description"], (path, method)
            errors = {s: r for s, r in operation["responses"].items() if int(s) >= 400}
            assert {"401", "413", "422", "503"} <= set(errors)
            for described in errors.values():
                assert list(described["content"]) == ["application/problem+json"]


class Nowhere(AbstractResolver):
    """Knows no name: what schemathesis makes up as a tool must reach nobody."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        raise OSError(f"{host}:{port} is nowhere ({family})")

    async def close(self) -> None:
        """Do nothing."""


async def test_schemathesis_finds_nothing(settings: Settings, tmp_path: Path) -> None:
    """Hundreds of requests, right and wrong ones, get the answers that the document promises."""
    outbound = Outbound((), Nowhere())
    try:
        async with serving(settings, outbound=outbound) as server:
            code, out = await _run(server.url, tmp_path)
    finally:
        await outbound.aclose()

    assert code == 0, out
    assert "Tested: 25" in out


async def _run(url: str, folder: Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(ROOT / "schemathesis.toml")),
        *("run", f"{url}/api/v1/openapi.json"),
        *("--header", f"Authorization: Bearer {KEY}"),
        *("--max-examples", str(CASES), "--max-time", str(SECONDS), "--seed", "1"),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, out.decode()
