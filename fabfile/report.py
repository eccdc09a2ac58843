"""The report of one host: what the engine does, as lines for a person."""

from __future__ import annotations

from fabfile.apply import Step, Work
from fabfile.mask import mask
from fabfile.render import RESTARTED, summary
from fabfile.screen import Screen
from fabfile.section import Section


class Report:
    """Implements fabfile.deploy.Observer. Several hosts at once: printed whole, at the end."""

    def __init__(self, host: str, screen: Screen, *, live: bool) -> None:
        self.host = host
        self.screen = screen
        self.live = live
        self.changed = 0
        self.summary = ""
        """The run's last line for this host, which a machine can read."""
        self.exit_code = 0
        self._held: list[str] = []

    def line(self, text: str) -> None:
        """Print a line, now or when the host is done."""
        if self.live:
            self.screen.lines(text)
        else:
            self._held.append(text)

    def busy(self, doing: str) -> None:
        """Show on a terminal what is being done."""
        self.screen.busy(self.host, doing)

    def finish(self) -> None:
        """Print what was held back."""
        self.screen.idle(self.host)
        if self._held:
            self.screen.lines("\n".join(f"{self.host} | {line}" for line in self._held))
            self._held = []

    def surveying(self) -> None:
        self.busy("survey")

    def waiting(self, other: str) -> None:
        self.line(f"waiting for another run on this host: {other}")
        self.busy(f"waiting for {other}")

    def section_started(self, section: Section, todo: Work) -> None:
        self.line(f"{section.name}: {section.title}")

    def step_started(self, section: Section, title: str) -> None:
        self.busy(f"{section.name}: {title}")

    def step_done(self, section: Section, step: Step) -> None:
        self.changed += len(step.changes)
        for change in step.changes:
            self.line(f"  {mask(summary(change), ())}")

    def restarted(self, section: Section, title: str) -> None:
        self.line(f"  {RESTARTED} {title}")
