"""The result of one host: what a run did there and found, as plain values that can travel.

A report fills it in while the tasks run; screens, tables and report files are made of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from fabfile.report.check import Check


class End(StrEnum):
    """How a run ended on a host."""

    OK = "ok"
    WOULD_CHANGE = "would change"
    FAILED = "failed"
    STOPPED = "stopped"
    """It was interrupted, and finished the step it was at."""
    SKIPPED = "skipped"
    """It was never begun."""


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
    """What came of a run on one host."""

    host: str
    end: End = End.OK
    exit_code: int = 0
    summary: str = ""
    """The last line for this host, which a machine can read."""
    changed: int = 0
    error: str = ""
    """What went wrong, and on the lines after it what to do."""
    started: float = 0.0
    """Seconds since the epoch; 0 if never."""
    seconds: float = 0.0
    wave: int = 0
    """The wave of a rollout that the host was in, from 1; 0 outside of one."""
    runs: list[str] = field(default_factory=list)
    """The names on the host of the runs that changed it (`history`)."""
    lines: list[str] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    plan: list[Block] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """The host's own names, which its plan may hold: what of them differs says nothing."""
    replaced: list[Block] = field(default_factory=list)
    """What a deploy was about to change, word by word; for reports."""
    checks: list[Check] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    rolled_back: str = ""
    """What came of putting it back after a failure; nothing if that was not done."""
    earlier: bool = False
    """It was done by the run that this one goes on with."""

    @property
    def failed(self) -> bool:
        """Whether it counts as a failure."""
        return self.end is End.FAILED

    @property
    def first_line(self) -> str:
        """What went wrong, in one line without the host's name."""
        line = self.error.partition("\n")[0]
        return line.removeprefix(f"{self.host}: ")


def skipped(host: str, wave: int = 0) -> Result:
    """Return the result of a host that was never begun."""
    return Result(host, End.SKIPPED, summary=f"{host}: 0 changed, 0 failed", wave=wave)
