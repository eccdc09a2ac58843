"""The figures: medians with their spread, the ratios between them, and the targets they must meet.

A machine that others use makes every figure larger; the runs are interleaved, so that the ratios
count.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

NO_OP, FIRST = "nothing to change", "first deploy"
FLOOR, MAILFAB, ANSIBLE, PYINFRA = "floor", "mailfab", "ansible", "pyinfra"
TOOLS = (MAILFAB, ANSIBLE, PYINFRA)


@dataclass(frozen=True)
class Case:
    """What is measured: a kind of run, at a latency (milliseconds added to the round trip)."""

    kind: str
    hosts: int
    latency: int

    def __str__(self) -> str:
        hosts = "1 host" if self.hosts == 1 else f"{self.hosts} hosts"
        latency = f", {self.latency} ms added" if self.latency else ""
        return f"{self.kind}, {hosts}{latency}"


@dataclass
class Series:
    """The runs of one tool in one case: seconds, and what the tool said it had changed."""

    seconds: list[float] = field(default_factory=list)
    changed: list[int | None] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median, in seconds."""
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        low, high = min(self.seconds), max(self.seconds)
        return f"{shown(self.median)} ({shown(low)} to {shown(high)})"


@dataclass(frozen=True)
class Target:
    """A limit for the ratio of two medians."""

    meaning: str
    above: str
    below: str
    kind: str
    latency: int
    least: float | None = None
    most: float | None = None

    def met(self, ratio: float) -> bool:
        """Whether the ratio keeps the limit."""
        return (self.least is None or ratio >= self.least) and (
            self.most is None or ratio <= self.most
        )

    @property
    def limit(self) -> str:
        """The limit in words."""
        return f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"


TARGETS = (
    Target("pyinfra : mailfab", PYINFRA, MAILFAB, NO_OP, 100, least=10),
    Target("Ansible : mailfab", ANSIBLE, MAILFAB, NO_OP, 100, least=20),
    Target("mailfab : one Fabric connection and true", MAILFAB, FLOOR, NO_OP, 100, most=1.5),
    Target("mailfab : bare installation and starts", MAILFAB, FLOOR, FIRST, 0, most=1.15),
)


def shown(seconds: float) -> str:
    """Return seconds with three digits or so."""
    return f"{seconds:.2f}" if seconds < 10 else f"{seconds:.1f}"


class Figures:
    """All series of one run of the benchmark."""

    def __init__(self) -> None:
        self.series: dict[Case, dict[str, Series]] = {}

    def add(self, case: Case, tool: str, seconds: float, changed: int | None = None) -> None:
        """Take in one run."""
        series = self.series.setdefault(case, {}).setdefault(tool, Series())
        series.seconds.append(seconds)
        series.changed.append(changed)

    def ratio(self, case: Case, above: str, below: str) -> float:
        """Return the ratio of two tools' medians."""
        tools = self.series[case]
        return tools[above].median / tools[below].median

    def table(self) -> Iterator[str]:
        """Yield the lines of a Markdown table: medians in seconds, the spread, the ratios."""
        yield (
            "| run | floor | mailfab | Ansible | pyinfra "
            "| mailfab : floor | Ansible : mailfab | pyinfra : mailfab |"
        )
        yield "|---|---|---|---|---|---|---|---|"
        for case, tools in self.series.items():
            cells = [str(case), *(str(tools[name]) for name in (FLOOR, *TOOLS))]
            for above, below in ((MAILFAB, FLOOR), (ANSIBLE, MAILFAB), (PYINFRA, MAILFAB)):
                cells.append(f"{self.ratio(case, above, below):.2f}")
            yield f"| {' | '.join(cells)} |"

    def reports(self) -> Iterator[str]:
        """Yield, for each case in which nothing was to be changed, what the tools reported."""
        for case, tools in self.series.items():
            if case.kind == NO_OP:
                said = (f"{name} {_most(tools[name].changed)}" for name in TOOLS)
                yield f"changes reported, {case}: {', '.join(said)}"

    def verdicts(self) -> Iterator[dict[str, Any]]:
        """Yield each target that was measured, with the ratio and whether it was met."""
        for target in TARGETS:
            for case in self.series:
                if (case.kind, case.latency) == (target.kind, target.latency):
                    ratio = self.ratio(case, target.above, target.below)
                    yield {
                        "target": target.meaning,
                        "case": str(case),
                        "limit": target.limit,
                        "ratio": round(ratio, 2),
                        "met": target.met(ratio),
                    }

    def as_json(self) -> dict[str, Any]:
        """Return every figure, for a program to read."""
        return {
            "runs": [
                {
                    "kind": case.kind,
                    "hosts": case.hosts,
                    "latency_ms": case.latency,
                    "tool": tool,
                    "seconds": [round(value, 3) for value in series.seconds],
                    "median": round(series.median, 3),
                    "changed": series.changed,
                }
                for case, tools in self.series.items()
                for tool, series in tools.items()
            ],
            "targets": list(self.verdicts()),
        }


def _most(changed: Iterable[int | None]) -> str:
    counts = {"?" if count is None else str(count) for count in changed}
    return " or ".join(sorted(counts))
