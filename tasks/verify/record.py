"""The checks of a run, as lines for a person and as a JSON file for a machine.

The file has `version` (1) and `hosts`: by name, `passed`, `failed`, `skipped`, and `checks`, each
with `name`, `chapter`, `expected`, `seen`, `outcome` (passed, warned, failed, skipped) and
`remedy`; or just `error`, for a host that could not be examined at all.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fabfile.errors import UsageError
from tasks.verify.check import Check, Outcome

WORDS = {
    Outcome.PASSED: "ok  ",
    Outcome.WARNED: "warn",
    Outcome.FAILED: "FAIL",
    Outcome.SKIPPED: "skip",
}
_lock = threading.Lock()
_hosts: dict[Path, dict[str, Any]] = {}


def lines(check: Check) -> Iterator[str]:
    """Yield a check's lines: one when all is well, else also what to do about it."""
    word = WORDS[check.outcome]
    if check.outcome in (Outcome.PASSED, Outcome.SKIPPED):
        yield f"  {word}  {check.name}: {check.seen}"
        return
    yield f"  {word}  {check.name}"
    for label, text in (("expected", check.expected), ("seen", check.seen), ("do", check.remedy)):
        yield f"          {label + ':':<10}{text}"


def counts(checks: Sequence[Check]) -> dict[str, int]:
    """Return how many passed (warnings among them), failed, and were skipped."""
    found = Counter(check.outcome for check in checks)
    return {
        "passed": found[Outcome.PASSED] + found[Outcome.WARNED],
        "failed": found[Outcome.FAILED],
        "skipped": found[Outcome.SKIPPED],
    }


def write(path: Path, host: str, checks: Sequence[Check], error: str = "") -> None:
    """Write the file anew with this host and those of the same run that were done before it."""
    entry: dict[str, Any] = {**counts(checks), "checks": [asdict(check) for check in checks]}
    with _lock:
        hosts = _hosts.setdefault(path.absolute(), {})
        hosts[host] = {"error": error} if error else entry
        text = json.dumps({"version": 1, "hosts": dict(sorted(hosts.items()))}, indent=2)
        new = path.with_name(f".{path.name}.new")
        try:
            new.write_text(text + "\n", encoding="utf-8")
            new.replace(path)
        except OSError as problem:
            raise UsageError(f"{path} cannot be written: {problem.strerror}") from None
