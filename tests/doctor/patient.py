"""Runs the doctor as the command line does, and its findings by name."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from dialogari.app.diagnosis import diagnose
from dialogari.doctor.findings import Finding, Verdict
from doctor.documentation import documented

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
    from pathlib import Path

    from dialogari.config import Settings

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Report:
    """What the doctor found."""

    findings: Sequence[Finding]

    @property
    def bad(self) -> dict[str, Verdict]:
        """The verdicts that are not ok, by name."""
        return {f.name: f.verdict for f in self.findings if f.verdict is not Verdict.OK}

    @property
    def names(self) -> set[str]:
        """The name of every finding."""
        return {finding.name for finding in self.findings}

    def __getitem__(self, name: str) -> Finding:
        return next(finding for finding in self.findings if finding.name == name)


async def examine(settings: Settings, folder: Path | None = None) -> Report:
    """Run every check; `folder` is --asterisk-config."""
    report = Report([finding async for finding in diagnose(settings, folder)])
    for finding in report.findings:
        assert "\n" not in finding.text + finding.remedy
        assert bool(finding.remedy) is (finding.verdict is not Verdict.OK)
        assert finding.verdict is Verdict.OK or finding.verdict in documented()[finding.name]
    return report


@asynccontextmanager
async def serve(handler: Handler) -> AsyncGenerator[int]:
    """Answer every HTTP request by `handler`, on the port yielded."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
