"""The result of one host: what a run did there and found, as plain values that can travel.

A recorder fills it in while the tasks run. Terminal, tables and report files are made of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from fabfile.report.check import Check
from fabfile.report.summary import Summary


class Status(StrEnum):
    """The status of a run on a host at its end."""

    OK = "ok"
    WOULD_CHANGE = "would change"
    FAILED = "failed"
    STOPPED = "stopped"
    """It was interrupted, and finished its present step."""
    SKIPPED = "skipped"
    """It was never started."""


@dataclass(frozen=True)
class Block:
    """The lines of a plan that belong together: a change with its details, a warning, a restart."""

    section: str
    """The section's heading."""
    lines: tuple[str, ...]


@dataclass
class Phase:
    """A part of a run: the survey, a section, the checks. Times are in seconds."""

    name: str
    title: str
    started: float
    """Since the run began on this host."""
    seconds: float = 0.0
    changes: list[str] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)


@dataclass
class Result:
    """The result of a run on one host."""

    host: str
    status: Status = Status.OK
    exit_code: int = 0
    summary: str = ""
    """The last line for this host, which a machine can read."""
    changed: int = 0
    message: str = ""
    """What went wrong, without the host's name; empty if nothing did."""
    remedy: str = ""
    """What to do about it."""
    outcome: str = ""
    """The summary without the host's name."""
    started: float = 0.0
    """Seconds since the epoch; 0 if never."""
    seconds: float = 0.0
    batch: int = 0
    """The batch of a rollout that the host was in, from 1; 0 outside of one."""
    runs: list[str] = field(default_factory=list)
    """The names on the host of the runs that changed it (`history`)."""
    lines: list[str] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    plan: list[Block] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """The host's own names, by variable. Plans that differ in them alone are the same."""
    replaced: list[Block] = field(default_factory=list)
    """The diffs of what a deploy was about to change; for reports."""
    checks: list[Check] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    rolled_back: str = ""
    """The outcome of a rollback after a failure; empty if there was none."""
    earlier: bool = False
    """Whether the run that this one resumes has done it."""

    @property
    def failed(self) -> bool:
        """Whether it counts as a failure."""
        return self.status is Status.FAILED

    @property
    def error(self) -> str:
        """What went wrong, with the host's name, and on the lines after it what to do."""
        if not self.message:
            return ""
        return "\n    ".join(filter(None, (f"{self.host}: {self.message}", self.remedy)))

    @property
    def first_line(self) -> str:
        """What went wrong, in one line without the host's name."""
        return self.message.partition("\n")[0]


def skipped(host: str, batch: int = 0) -> Result:
    """Return the result of a host that was never begun."""
    summary = Summary.changed(0)
    return Result(host, Status.SKIPPED, summary=summary.line(host), batch=batch)
