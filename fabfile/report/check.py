"""A check: a question to a running server, the expected answer, and the outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of a check. A warning is no failure; a skipped check is neither."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """A check that was made."""

    name: str
    group: str
    """The name of the checks that it belongs to; `chapter` in the JSON report."""
    expected: str
    seen: str
    outcome: Outcome
    remedy: str = ""
    """What to do about a failure or a warning."""


def counts(checks: Sequence[Check]) -> dict[str, int]:
    """Return how many passed (warnings among them), failed, and were skipped."""
    found = Counter(check.outcome for check in checks)
    return {
        "passed": found[Outcome.PASSED] + found[Outcome.WARNED],
        "failed": found[Outcome.FAILED],
        "skipped": found[Outcome.SKIPPED],
    }
