"""Preflight: what a host must have, or must not have, before its first change.

A guide's rules look at what the survey found and return findings. A deploy that has something to
change refuses to begin while one of them is fatal, and names them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fabfile.model.errors import HostError


@dataclass(frozen=True)
class Finding:
    """The finding of one rule."""

    subject: str
    seen: str
    remedy: str = ""
    """The remedy; empty if the requirement is met."""
    fatal: bool = True

    @property
    def verdict(self) -> str:
        """`ok`, `warn` or `FAIL`."""
        if not self.remedy:
            return "ok"
        return "FAIL" if self.fatal else "warn"

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.subject, self.seen, self.remedy)))


def refuse(host: str, findings: Sequence[Finding]) -> None:
    """Raise HostError that lists all fatal findings, if there are any."""
    fatal = [found for found in findings if found.verdict == "FAIL"]
    if fatal:
        lines = [f"\n      {found}" for found in fatal]
        raise HostError(
            f"preflight failed, nothing was changed:{''.join(lines)}",
            f"fix this and run the command again; fab -H {host} preflight only checks",
        )
