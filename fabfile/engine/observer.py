"""What the engine tells while it works. A report implements it."""

from __future__ import annotations

from typing import Protocol

from fabfile.engine.apply import ApplyBatch, Step
from fabfile.model.section import Section


class Observer(Protocol):
    """Receives the progress of a run on one host."""

    def surveying(self) -> None:
        """Called before the host is asked."""

    def waiting(self, other: str) -> None:
        """Called when another run, described in words, holds the host's lock, and we wait."""

    def cancelled(self) -> bool:
        """Return whether the run has been asked to stop before its next step."""

    def run_started(self, run: str) -> None:
        """Called before the first change, with the name by which the host remembers the run."""

    def section_started(self, section: Section, batch: ApplyBatch) -> None:
        """Called before a section is applied."""

    def step_started(self, section: Section, title: str) -> None:
        """Called when a step of it (a resource, a restart) begins."""

    def step_done(self, section: Section, step: Step) -> None:
        """Called when the changes of a step are made."""

    def restarted(self, section: Section, title: str) -> None:
        """Called when a service was restarted."""
