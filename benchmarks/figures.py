"""The figures: the costs of all runs by case and tool, their medians, and ratios of medians.

A JSON file keeps them. A later run replaces the cases that it measures, for all tools at once: all
compared figures of a case come from one run.
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
    """A measured case: a kind of work, a number of hosts, and a latency.

    The latency is added to the round trip, in milliseconds.
    """

    work: str
    hosts: int
    latency: int

    def __str__(self) -> str:
        return f"{self.work}, {self.size}, {self.latency} ms"

    @property
    def size(self) -> str:
        """The number of hosts, in words."""
        return "1 host" if self.hosts == 1 else f"{self.hosts} hosts"

    @property
    def order(self) -> tuple[int, int, int]:
        """The sort key of the case in a table."""
        return WORKS.index(self.work), self.hosts, self.latency


@dataclass
class Series:
    """The runs of one tool in one case: their costs, and the reported numbers of changes."""

    date: str
    version: str
    costs: list[Cost] = field(default_factory=list)
    changed: list[int | None] = field(default_factory=list)

    def values(self, metric: str) -> list[float]:
        """Return one quantity of all runs."""
        return [float(getattr(cost, metric)) for cost in self.costs]

    def median(self, metric: str = "seconds") -> float:
        """Return the median of a quantity."""
        return statistics.median(self.values(metric))


class Figures:
    """All series, by case and tool."""

    def __init__(self) -> None:
        self.series: dict[Case, dict[str, Series]] = {}
        self.machine: dict[str, Any] = {}
        """The facts about the measuring machine, by name."""

    def begin(self, case: Case) -> None:
        """Remove the figures of an earlier run of this case."""
        self.series[case] = {}

    def add(
        self, case: Case, tool: str, cost: Cost, changed: int | None, date: str, version: str
    ) -> None:
        """Add one run."""
        series = self.series[case].setdefault(tool, Series(date, version))
        series.costs.append(cost)
        series.changed.append(changed)

    def cases(self) -> list[Case]:
        """Return the measured cases, in the order of the tables."""
        return sorted((case for case in self.series if self.series[case]), key=lambda c: c.order)

    def ratio(self, case: Case, above: str, below: str) -> float | None:
        """Return the ratio of two tools' wall times, if both were measured."""
        tools = self.series.get(case, {})
        if above not in tools or below not in tools:
            return None
        return tools[above].median() / tools[below].median()

    def round_trips(self, work: str, hosts: int) -> Iterator[tuple[str, float]]:
        """Yield for each tool the number of sequential round trips of a run.

        That is the extra wall time at the largest latency, divided by the extra latency. Round
        trips at the same time count once.
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
        """Write all figures as JSON."""
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
        """Return the saved figures, or empty ones if the file does not exist."""
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
    """Return values rounded: bytes whole, seconds to the millisecond."""
    return [int(value) if value.is_integer() else round(value, 3) for value in values]
