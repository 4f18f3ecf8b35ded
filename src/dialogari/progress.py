"""A progress bar on a terminal, a line for each step elsewhere, for everything that is fetched."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from rich.console import Console


class Step(Protocol):
    """What a part reports: the step it is in, and bytes done of how many."""

    @property
    def step(self) -> str:
        """What is being done, for a person."""
        ...

    @property
    def done(self) -> int:
        """Bytes so far."""
        ...

    @property
    def total(self) -> int | None:
        """Bytes in all; None: not known, or no bytes are moved."""
        ...


@contextmanager
def show_progress(console: Console) -> Generator[Callable[[Step], None]]:
    """Yield a function that shows each report it is given."""
    if not console.is_terminal:
        yield _line_printer(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        tasks = {"": bars.add_task("", visible=False)}

        def show(report: Step) -> None:
            if report.step not in tasks:
                tasks[report.step] = bars.add_task(report.step, total=report.total)
            bars.update(tasks[report.step], completed=report.done, total=report.total)

        yield show


def _line_printer(console: Console) -> Callable[[Step], None]:
    last = ""

    def show(report: Step) -> None:
        nonlocal last
        if report.step != last:
            last = report.step
            console.print(f"{report.step} ...", highlight=False, markup=False)

    return show
