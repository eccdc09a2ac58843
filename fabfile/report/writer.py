"""The writer of reports: into which files, and when.

The JSON report is written while the run goes on, so that it is there if the run is killed. A
rollout always keeps one, so that `--resume` can continue it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fabfile.model.errors import UsageError
from fabfile.report import json_report
from fabfile.report.run import Record

EVERY_SECONDS = 1.0
KEPT = 20
"""Number of automatic reports of rollouts to keep."""


def state_folder() -> Path:
    """Return the folder of mailfab's state on this machine (XDG Base Directory)."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "mailfab"


@dataclass(frozen=True)
class Paths:
    """The files that the reports of a run are written to; None for a report that is not wanted."""

    json: Path | None = None
    junit: Path | None = None
    html: Path | None = None


def rollout_report() -> Path:
    """Return the file of the JSON report that a rollout keeps in any case; remove old ones."""
    folder = state_folder() / "rollouts"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in sorted(folder.glob("*.json"))[: 1 - KEPT]:
            old.unlink(missing_ok=True)
    except OSError as problem:
        raise UsageError(
            f"the report of the rollout cannot be kept in {folder}: {problem.strerror}",
            "name another place: --json FILE",
        ) from None
    return folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.json"


class Writer:
    """Writes the reports of a run."""

    def __init__(self, record: Record, paths: Paths) -> None:
        self.record = record
        self.paths = paths
        self._last = 0.0

    def update(self) -> None:
        """Write what there is after a host is done, but not too often."""
        if self.paths.json and time.monotonic() >= self._last + EVERY_SECONDS:
            json_report.write(self.record, self.paths.json)
            self._last = time.monotonic()

    def finish(self) -> None:
        """Write everything, at the end of the run."""
        self.record.ended = time.time()
        if self.paths.json:
            json_report.write(self.record, self.paths.json)
        if self.paths.junit:
            from fabfile.report import junit

            junit.write(self.record, self.paths.junit)
        if self.paths.html:
            from fabfile.report import html

            html.write(self.record, self.paths.html)


@contextmanager
def reports(record: Record, paths: Paths) -> Iterator[Writer]:
    """Write the reports during the run and at its end, also after an error."""
    writer = Writer(record, paths)
    try:
        yield writer
    finally:
        writer.finish()


def way_on(report: Path) -> str:
    """Return how to continue a rollout that is not complete."""
    return f"what is left is done by the same command with --resume {report}"
