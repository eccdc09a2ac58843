"""The figures: for each case and tool the costs of its runs, their medians, and ratios of those.

They are kept in a file of JSON, into which a later run of some cases is merged: a case that is
measured again loses its former figures as a whole, so that what is compared comes from one run.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from benchmarks.cost import Cost

FIRST, NO_OP, ONE_FILE = "first deploy", "nothing to change", "one changed file"
WORKS = (FIRST, NO_OP, ONE_FILE)
FLOOR, MAILFAB, PYINFRA, MITOGEN, ANSIBLE = "floor", "mailfab", "pyinfra", "mitogen", "ansible"
TOOLS = (FLOOR, MAILFAB, PYINFRA, MITOGEN, ANSIBLE)
TITLES = {FLOOR: "floor", MAILFAB: "mailfab", PYINFRA: "pyinfra"}
TITLES |= {MITOGEN: "Ansible, mitogen", ANSIBLE: "Ansible"}


@dataclass(frozen=True)
class Case:
    """What is measured: a kind of work, on so many hosts, at a latency.

    The latency is in milliseconds, added to the round trip.
    """

    work: str
    hosts: int
    latency: int

    def __str__(self) -> str:
        return f"{self.work}, {self.size}, {self.latency} ms"

    @property
    def size(self) -> str:
        """On how many hosts."""
        return "1 host" if self.hosts == 1 else f"{self.hosts} hosts"

    @property
    def order(self) -> tuple[int, int, int]:
        """Where the case belongs in a table."""
        return WORKS.index(self.work), self.hosts, self.latency


@dataclass
class Series:
    """The runs of one tool in one case: their costs, and what the tool said it had changed."""

    date: str
    version: str
    costs: list[Cost] = field(default_factory=list)
    changed: list[int | None] = field(default_factory=list)

    def values(self, metric: str) -> list[float]:
        """Return one quantity of every run."""
        return [float(getattr(cost, metric)) for cost in self.costs]

    def median(self, metric: str = "seconds") -> float:
        """Return a quantity's median."""
        return statistics.median(self.values(metric))


class Figures:
    """All series, by case and tool."""

    def __init__(self) -> None:
        self.series: dict[Case, dict[str, Series]] = {}
        self.machine: dict[str, Any] = {}
        """What the runs were made on; every run writes the same words."""

    def begin(self, case: Case) -> None:
        """Forget what an earlier run has found in this case."""
        self.series[case] = {}

    def add(
        self, case: Case, tool: str, cost: Cost, changed: int | None, date: str, version: str
    ) -> None:
        """Take in one run."""
        series = self.series[case].setdefault(tool, Series(date, version))
        series.costs.append(cost)
        series.changed.append(changed)

    def cases(self) -> list[Case]:
        """Return what has been measured, in order."""
        return sorted((case for case in self.series if self.series[case]), key=lambda c: c.order)

    def ratio(self, case: Case, above: str, below: str) -> float | None:
        """Return the ratio of two tools' wall times, if both were measured."""
        tools = self.series.get(case, {})
        if above not in tools or below not in tools:
            return None
        return tools[above].median() / tools[below].median()

    def round_trips(self, work: str, hosts: int) -> Iterator[tuple[str, float]]:
        """Yield, for each tool, how many round trips one after the other its run waited for.

        What a run takes longer on a long line, divided by how much longer the line is: whatever
        is done at the same time counts once.
        """
        lines = sorted(c.latency for c in self.cases() if (c.work, c.hosts) == (work, hosts))
        if len(lines) < 2:
            return
        near, far = (self.series[Case(work, hosts, line)] for line in (lines[0], lines[-1]))
        for tool in TOOLS:
            if tool in near and tool in far:
                longer = far[tool].median() - near[tool].median()
                yield tool, longer * 1000 / (lines[-1] - lines[0])

    def save(self, path: Path) -> None:
        """Write everything down."""
        rows = [
            {
                "work": case.work,
                "hosts": case.hosts,
                "latency_ms": case.latency,
                "tool": tool,
                "version": series.version,
                "date": series.date,
                "changed": series.changed,
                **{f.name: _short(series.values(f.name)) for f in fields(Cost)},
            }
            for case in self.cases()
            for tool, series in self.series[case].items()
        ]
        text = json.dumps({"machine": self.machine, "rows": rows}, indent=1)
        path.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Figures:
        """Return what is written there; nothing yet when there is no such file."""
        figures = cls()
        if not path.exists():
            return figures
        found = json.loads(path.read_text(encoding="utf-8"))
        figures.machine = found["machine"]
        for row in found["rows"]:
            series = Series(row["date"], row["version"], changed=row["changed"])
            columns = zip(*(row[f.name] for f in fields(Cost)), strict=True)
            series.costs = [Cost(*values) for values in columns]
            case = Case(row["work"], row["hosts"], row["latency_ms"])
            figures.series.setdefault(case, {})[row["tool"]] = series
        return figures


def _short(values: list[float]) -> list[float]:
    """Return values as they are worth to be kept: bytes whole, seconds to the millisecond."""
    return [int(value) if value.is_integer() else round(value, 3) for value in values]
