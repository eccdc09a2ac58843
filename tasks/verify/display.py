"""A check as lines of text: one if it passed, else also the remedy."""

from __future__ import annotations

from collections.abc import Iterator

from fabfile.report.check import Check, Outcome

WORDS = {
    Outcome.PASSED: "ok  ",
    Outcome.WARNED: "warn",
    Outcome.FAILED: "FAIL",
    Outcome.SKIPPED: "skip",
}


def lines(check: Check) -> Iterator[str]:
    """Yield a check's lines."""
    word = WORDS[check.outcome]
    if check.outcome in (Outcome.PASSED, Outcome.SKIPPED):
        yield f"  {word}  {check.name}: {check.seen}"
        return
    yield f"  {word}  {check.name}"
    for label, text in (("expected", check.expected), ("seen", check.seen), ("do", check.remedy)):
        yield f"          {label + ':':<10}{text}"
