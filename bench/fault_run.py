"""2,000 calls while the link is cut and Asterisk is killed: what became of each of them.

    python bench/fault_run.py [--calls 2000] [--cuts 50] [--kills 2] [--seed 1] [--way inbound]

A real Asterisk's dialplan writes down each step of each call, the program under test each call it
was given; the table is the two books compared (tests/ari_faults). Ends 1 if they don't agree, or if
a channel, task or socket is left. The same run, smaller, is a test: tests/ari/test_fault_run.py.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from ari_faults.run import FaultPlan, Report, run_faults
from dialogari.sandbox.fetch import default_cache, find_asterisk

if TYPE_CHECKING:
    from collections.abc import Sequence

LOGGED: Counter[str] = Counter()


class _Counting(logging.Handler):
    """Counts what is logged, by message."""

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        LOGGED[f"{record.levelname} {record.getMessage()}"] += 1
        if record.exc_info:
            sys.stderr.write(f"{self.format(record)}\n")


def table(plan: FaultPlan, report: Report) -> str:
    """Return the figures as text."""
    accounts = report.accounts
    rows = {
        "calls placed": report.placed,
        "cuts": len(report.cuts),
        "kills": len(report.kills),
        "visits to Stasis()": accounts.visits.total(),
        "  refused by the dialplan (FAILED)": accounts.visits["refused"],
        "  sent back": accounts.visits["sent back"],
        "  hung up": accounts.visits["hung up"],
        "  killed": accounts.visits["killed"],
        "finished": accounts.finished,
        "lost": accounts.lost,
        "unheard: over before the link was back": accounts.unheard,
        "found after a gap, given to `resumed`": accounts.found,
        "Resumed told": accounts.resumed,
        **{f"handlers: {name}": n for name, n in sorted(accounts.endings.items())},
        **{f"errors in handlers: {name}": n for name, n in sorted(report.errors.items())},
        **{f"log: {name}": n for name, n in sorted(LOGGED.items())},
    }
    lines = [f"{name:48} {value:6}" for name, value in rows.items()]
    heading = f"{plan.way}, seed {plan.seed}, {report.seconds:.0f} s"
    faults = [f"FAULT {fault}" for fault in (*accounts.faults, *report.left)]
    return "\n".join([heading, *lines, *faults])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--cuts", type=int, default=50)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=15.0)
    parser.add_argument("--way", choices=("inbound", "persistent"), default="inbound")
    chosen = parser.parse_args(arguments)
    warnings.simplefilter("error")
    logging.basicConfig(handlers=[_Counting()], level=logging.INFO)
    plan = FaultPlan(**vars(chosen))
    report = asyncio.run(run_faults(find_asterisk(default_cache()), plan))
    print(table(plan, report))  # noqa: T201 - what it is for
    return 1 if report.accounts.faults or report.left else 0


if __name__ == "__main__":
    sys.exit(main())
