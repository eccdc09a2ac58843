"""Batches: in which order a rollout takes its hosts, and how many failures end it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from fabfile.model.errors import UsageError

HOSTS_AT_ONCE = 32
"""Number of hosts that are worked on at once, unless `--parallel` says otherwise."""

T = TypeVar("T")


@dataclass(frozen=True)
class Amount:
    """A number of hosts, or a percentage of all."""

    number: int
    percent: bool = False

    def of(self, total: int) -> float:
        """Return how many of so many hosts it is, not yet rounded."""
        return total * self.number / 100 if self.percent else self.number


def amount(option: str, text: str, least: int) -> Amount:
    """Return the share that an option's value stands for. Raises UsageError for any other text."""
    found = re.fullmatch(r"([0-9]{1,6})(%?)", text.strip())
    if not found or int(found[1]) < least or (found[2] and int(found[1]) > 100):
        raise UsageError(
            f"--{option} is {text!r}",
            f"give a number of hosts, at least {least}, or a percentage of them: 25%",
        )
    return Amount(int(found[1]), bool(found[2]))


@dataclass(frozen=True)
class Strategy:
    """How a rollout goes on."""

    canary: Amount = Amount(0)
    batch: Amount = Amount(100, percent=True)
    max_failures: Amount = Amount(0)
    rollback: bool = False
    """Whether hosts that failed are restored."""

    def batches(self, hosts: Sequence[T]) -> list[list[T]]:
        """Return the hosts in batches, in their order. Sizes are rounded up."""
        first = math.ceil(self.canary.of(len(hosts)))
        size = max(1, math.ceil(self.batch.of(len(hosts))))
        starts = [first, *range(first + size, len(hosts), size)]
        ends = [*starts[1:], len(hosts)]
        batches = [list(hosts[:first])]
        batches += [list(hosts[a:b]) for a, b in zip(starts, ends, strict=True)]
        return [batch for batch in batches if batch]

    def over(self, failures: int, hosts: int) -> bool:
        """Return whether so many failures are too many to begin another batch."""
        return failures > math.floor(self.max_failures.of(hosts))
