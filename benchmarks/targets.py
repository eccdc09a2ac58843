"""The targets: limits for ratios of wall times, and their check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.figures import (
    ANSIBLE,
    FIRST,
    FLOOR,
    MAILFAB,
    NO_OP,
    PYINFRA,
    TITLES,
    Case,
    Figures,
)


@dataclass(frozen=True)
class Target:
    """A limit for the ratio of two tools' wall times in a case."""

    case: Case
    above: str
    below: str
    least: float | None = None
    most: float | None = None

    def met(self, ratio: float) -> bool:
        """Return whether the ratio is within the limit."""
        return (self.least is None or ratio >= self.least) and (
            self.most is None or ratio <= self.most
        )

    def __str__(self) -> str:
        limit = f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"
        return f"{TITLES[self.above]} : {TITLES[self.below]}, {self.case}: {limit}"


ONE, TEN = Case(NO_OP, 1, 100), Case(NO_OP, 10, 100)
TARGETS = (
    Target(ONE, PYINFRA, MAILFAB, least=10),
    Target(ONE, ANSIBLE, MAILFAB, least=20),
    Target(ONE, MAILFAB, FLOOR, most=1.5),
    Target(TEN, PYINFRA, MAILFAB, least=10),
    Target(TEN, ANSIBLE, MAILFAB, least=30),
    Target(TEN, MAILFAB, FLOOR, most=1.3),
    Target(Case(FIRST, 1, 0), MAILFAB, FLOOR, most=1.15),
    *(
        Target(Case(FIRST, hosts, latency), tool, MAILFAB, least=1)
        for hosts in (1, 10, 30)
        for latency in (0, 100)
        for tool in (PYINFRA, ANSIBLE)
    ),
)


def verdicts(figures: Figures) -> Iterator[tuple[Target, float, bool]]:
    """Yield each measured target, its ratio, and whether it is met."""
    for target in TARGETS:
        ratio = figures.ratio(target.case, target.above, target.below)
        if ratio is not None:
            yield target, ratio, target.met(ratio)
