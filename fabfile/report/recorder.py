"""The recorder of one host: it emits what tasks and engine do there, and keeps it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from fabfile.engine.apply import ApplyBatch, Step
from fabfile.model.errors import Stopped
from fabfile.model.redact import redact
from fabfile.model.section import Section
from fabfile.report.check import Check
from fabfile.report.diff import RESTARTED, plan_lines, summary
from fabfile.report.result import Block, Phase, Result
from fabfile.report.summary import Summary


class Kind(StrEnum):
    """The kind of an event."""

    LINE = "line"
    """A line of output."""
    BUSY = "busy"
    """The present activity."""
    PHASE = "phase"
    """The start of a part of the run."""


@dataclass(frozen=True)
class Event:
    """An event on a host."""

    host: str
    kind: Kind
    text: str


EventHandler = Callable[[Event], None]
"""Takes events, from any thread."""


def never() -> bool:
    """Return that the run is not cancelled."""
    return False


class Recorder:
    """Implements fabfile.engine.observer.Observer. Tasks reach it as `c.report`."""

    def __init__(
        self,
        host: str,
        emit: EventHandler,
        cancelled: Callable[[], bool] = never,
        *,
        grouped: bool = False,
        detailed: bool = False,
    ) -> None:
        self.host = host
        self.cancelled = cancelled
        self.grouped = grouped
        """Whether the plans of several hosts are printed together, at the end."""
        self.detailed = detailed
        """Whether a report wants the diffs of what a deploy replaces."""
        self.result = Result(host, started=time.time())
        self._tell = emit
        self._clock = time.monotonic()
        self.changed = 0
        self.summary = ""
        """The run's last line for this host, which a machine can read."""
        self.exit_code = 0

    def summarize(self, summary: Summary) -> None:
        """Set the run's last line for this host."""
        self.summary, self.result.outcome = summary.line(self.host), summary.text

    def line(self, text: str) -> None:
        """Print a line: at once or, with several hosts, when this host is done."""
        self.result.lines.append(text)
        self._tell(Event(self.host, Kind.LINE, text))

    def busy(self, doing: str) -> None:
        """Show the present activity."""
        self._tell(Event(self.host, Kind.BUSY, doing))

    def raise_if_cancelled(self) -> None:
        """Raise Stopped after Ctrl-C."""
        if self.cancelled():
            raise Stopped

    def phase(self, name: str, title: str = "") -> None:
        """Start a part of the run, and end the one before it."""
        self._end_phase()
        self.result.phases.append(Phase(name, title, self._elapsed()))
        self._tell(Event(self.host, Kind.PHASE, name))

    def finished(self) -> Result:
        """Return the complete result of the host."""
        self._end_phase()
        self.result.changed, self.result.exit_code = self.changed, self.exit_code
        self.result.summary = self.summary
        self.result.seconds = self._elapsed()
        return self.result

    def _elapsed(self) -> float:
        return round(time.monotonic() - self._clock, 3)

    def _end_phase(self) -> None:
        if self.result.phases and not self.result.phases[-1].seconds:
            phase = self.result.phases[-1]
            phase.seconds = round(self._elapsed() - phase.started, 3)

    def planned(self, blocks: list[Block]) -> None:
        """Print a plan."""
        self.result.plan += blocks
        if not self.grouped:
            for text in plan_lines(blocks):
                self.line(text)

    def checked(self, check: Check) -> None:
        """Keep a check that was made."""
        self.result.checks.append(check)

    def warn(self, text: str) -> None:
        """Print and keep a warning."""
        self.result.warnings.append(text)
        self.line(f"  warning: {text}")

    def surveying(self) -> None:
        self.phase("survey")
        self.busy("survey")

    def waiting(self, other: str) -> None:
        self.line(f"waiting for another run on this host: {other}")
        self.busy(f"waiting for {other}")

    def run_started(self, run: str) -> None:
        self.result.runs.append(run)

    def section_started(self, section: Section, batch: ApplyBatch) -> None:
        self.phase(section.name, section.title)
        self.line(f"{section.name}: {section.title}")

    def step_started(self, section: Section, title: str) -> None:
        self.busy(f"{section.name}: {title}")

    def step_done(self, section: Section, step: Step) -> None:
        self.changed += len(step.changes)
        for change in step.changes:
            text = redact(summary(change), ())
            self.result.phases[-1].changes.append(text)
            self.line(f"  {text}")

    def restarted(self, section: Section, title: str) -> None:
        self.result.phases[-1].restarts.append(title)
        self.line(f"  {RESTARTED} {title}")
