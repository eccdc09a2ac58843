"""The summary of one host: the last line of a run there, which a machine can read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """The summary of a run on one host: `12 changed, 0 failed`."""

    text: str

    @classmethod
    def changed(cls, changed: int, *, failed: bool = False) -> Summary:
        """Return the summary of a run that changed something, or could have."""
        return cls(f"{changed} changed, {int(failed)} failed")

    @classmethod
    def stopped(cls, changed: int) -> Summary:
        """Return the summary of a run that was stopped by Ctrl-C."""
        return cls(f"{changed} changed, stopped")

    @classmethod
    def would_change(cls, changes: int) -> Summary:
        """Return the summary of a plan."""
        return cls(f"{changes} would change, 0 failed")

    @classmethod
    def checked(cls, passed: int, failed: int) -> Summary:
        """Return the summary of checks."""
        return cls(f"{passed} passed, {failed} failed")

    @classmethod
    def converged(cls, converged: int, others: int) -> Summary:
        """Return the summary of the state of a host's sections."""
        return cls(f"{converged} converged, {others} not")

    @classmethod
    def listed(cls, *counted: tuple[int, str]) -> Summary:
        """Return the summary of a list: how many there are of what."""
        return cls(", ".join(f"{count} {noun}" for count, noun in counted))

    def line(self, host: str) -> str:
        """Return the line to print."""
        return f"{host}: {self.text}"
