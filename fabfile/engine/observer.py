"""The interface through which the engine reports its progress. A report implements it."""

from __future__ import annotations

from typing import Protocol

from fabfile.engine.apply import ApplyBatch, Step
from fabfile.model.section import Section


class Observer(Protocol):
    """Receives the progress of a run on one host."""

    def surveying(self) -> None:
        """Handle the start of a survey."""

    def waiting(self, other: str) -> None:
        """Handle that another run, described by `other`, holds the lock and that we wait for it."""

    def cancelled(self) -> bool:
        """Return whether the run is cancelled and must end before its next step."""

    def run_started(self, run: str) -> None:
        """Handle the start of a run, before its first change. `run` is its name on the host."""

    def section_started(self, section: Section, batch: ApplyBatch) -> None:
        """Handle the start of a section's apply."""

    def step_started(self, section: Section, title: str) -> None:
        """Handle the start of a step (a resource or a restart)."""

    def step_done(self, section: Section, step: Step) -> None:
        """Handle that the changes of a step are made."""

    def restarted(self, section: Section, title: str) -> None:
        """Handle that a service was restarted or reloaded."""
