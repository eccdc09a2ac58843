"""The record of a run: its tasks, and the results of all its hosts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from fabfile.report.result import Result, Status


@dataclass
class Record:
    """The record of one run."""

    command: Sequence[str]
    """The tasks, as they were called."""
    order: Sequence[str]
    """All its hosts, in the order of the inventory."""
    started: float = field(default_factory=time.time)
    """Seconds since the epoch."""
    ended: float = 0.0
    """Seconds since the epoch; 0 while the run goes on, and after it was killed."""
    exit_code: int | None = None
    results: dict[str, Result] = field(default_factory=dict)
    """The results that exist, by host."""

    @property
    def in_order(self) -> list[Result]:
        """The results that exist, in the order of the hosts."""
        return [self.results[host] for host in self.order if host in self.results]

    def count(self, *statuses: Status) -> int:
        """Return how many hosts ended in one of these ways."""
        return sum(result.status in statuses for result in self.results.values())
