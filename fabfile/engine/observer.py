"""The observer of a run. A recorder implements it."""

from __future__ import annotations

from typing import Protocol

from fabfile.engine.apply import ApplyBatch, Step
from fabfile.model.section import Section


class Observer(Protocol):
    """Receives the progress of a run on one host."""

    def surveying(self) -> None:
        """Learn that the host is about to be asked."""

    def waiting(self, other: str) -> None:
        """Learn that another run, described in words, holds the lock, and that we wait for it."""

    def cancelled(self) -> bool:
        """Return whether the run has been asked to stop before its next step."""

    def run_started(self, run: str) -> None:
        """Learn, before the first change, the name by which the host remembers the run."""

    def section_started(self, section: Section, batch: ApplyBatch) -> None:
        """Learn that a section is about to be applied."""

    def step_started(self, section: Section, title: str) -> None:
        """Learn that a step of it (a resource, a restart) begins."""

    def step_done(self, section: Section, step: Step) -> None:
        """Learn that the changes of a step are made."""

    def restarted(self, section: Section, title: str) -> None:
        """Learn that a service was restarted."""
