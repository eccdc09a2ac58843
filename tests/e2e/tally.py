"""The table at the end of a run: which test file passed on which system."""

from __future__ import annotations

from collections import Counter

import pytest
from rich.console import Console
from rich.table import Table

SYSTEM = "system"
"""The property of a test's report that names its system."""
OUTCOMES = {"passed": "passed", "failed": "failed", "error": "failed", "skipped": "skipped"}


def show(reporter: pytest.TerminalReporter) -> None:
    """Print a row for each file and a column for each system, if there was more than one test."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for category, outcome in OUTCOMES.items():
        for report in reporter.stats.get(category, []):
            system = dict(report.user_properties).get(SYSTEM) if is_test(report) else None
            if system:
                where = report.nodeid.partition("::")[0].rpartition("/")[2]
                counts.setdefault((where, system), Counter())[outcome] += 1
    if not counts:
        return
    systems = sorted({system for _, system in counts})
    table = Table("", *systems)
    for file in sorted({file for file, _ in counts}):
        table.add_row(file, *(cell(counts.get((file, system))) for system in systems))
    totals: dict[str, Counter[str]] = {system: Counter() for system in systems}
    for (_, system), count in counts.items():
        totals[system] += count
    table.add_section()
    table.add_row("", *(cell(total) for total in totals.values()))
    reporter.write_line("")
    Console(width=100, force_terminal=False).print(table)


def is_test(report: object) -> bool:
    """Return whether a report is that of a test; collecting makes reports too."""
    return isinstance(report, pytest.TestReport)


def cell(counts: Counter[str] | None) -> str:
    """Return what happened in words, the good first."""
    if counts is None:
        return "–"
    return ", ".join(f"{counts[o]} {o}" for o in ("passed", "failed", "skipped") if counts[o])
