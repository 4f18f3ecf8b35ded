"""Results for people, as tables, and for build servers, in the form that JUnit made common."""

from __future__ import annotations

import re
import statistics
from itertools import groupby
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dialogari.evals.cases import Result

_NO_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
DEFAULT: Final = "(default)"


def list_results(results: Sequence[Result]) -> Table:
    """Return a table with a row for each result: what was said, the answer, and what is wrong."""
    table = Table("", "model", "conversation", "ms", "said, answer, faults", box=None)
    for one in results:
        told = Text(f"{one.said}\n-> {one.answer}")
        for fault in one.faults:
            told.append(f"\n!! {fault}", "red")
        verdict = Text("FAIL", "red") if one.faults else Text("ok", "green")
        cells = (one.model or DEFAULT, one.talk, f"{one.ms:.0f}")
        table.add_row(verdict, *map(Text, cells), told)
    return table


def sum_up(results: Sequence[Result]) -> Table:
    """Return a table with a row for each model."""
    table = Table("model", "passed", "median ms", "slowest ms", "US$", box=None)
    for model, group in groupby(results, lambda one: one.model):
        own = list(group)
        passed = sum(not one.faults for one in own)
        times = [one.ms for one in own]
        costs = [one.cost for one in own if one.cost is not None]
        table.add_row(
            model or DEFAULT,
            f"{passed} of {len(own)}",
            f"{statistics.median(times):.0f}",
            f"{max(times):.0f}",
            f"{sum(costs):.6f}" if len(costs) == len(own) else "?",
        )
    return table


def write_junit(results: Sequence[Result]) -> bytes:
    """Return the results as XML: a suite for each model and file, a case for each result."""
    root = ET.Element("testsuites")
    for (model, file), group in groupby(results, lambda one: (one.model or DEFAULT, one.file)):
        own = list(group)
        suite = ET.SubElement(
            root,
            "testsuite",
            name=_clean(f"{file} {model}"),
            tests=str(len(own)),
            failures=str(sum(bool(one.faults) for one in own)),
            time=f"{sum(one.ms for one in own) / 1000:.3f}",
        )
        for one in own:
            case = ET.SubElement(
                suite,
                "testcase",
                classname=_clean(f"{model}.{one.talk}"),
                name=_clean(one.said),
                time=f"{one.ms / 1000:.3f}",
            )
            if one.faults:
                failure = ET.SubElement(case, "failure", message=_clean("; ".join(one.faults)))
                failure.text = _clean(one.answer)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
