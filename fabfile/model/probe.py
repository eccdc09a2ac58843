"""A probe: a check of a running server, and the function that makes it.

The function returns what it found, or raises one of the exceptions here. An error of the
connection means that the check failed; any other exception is a bug.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fabfile.model.host import SurveyedHost
from fabfile.model.runner import Runner


class Failed(Exception):
    """The check did not find what was expected; the text says what it found."""


class Warned(Exception):
    """The server works, but the administrator should know this.

    `remedy` says what to do if it is not wanted; without it, the probe's remedy is shown.
    """

    def __init__(self, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.remedy = remedy


class Skipped(Exception):
    """The check could not be made or does not apply here; the text says why."""


class ProbeContext(Protocol):
    """The part of verify's context that a section's probes can use."""

    @property
    def host(self) -> SurveyedHost:
        """The host, with its variables and its system."""

    @property
    def c(self) -> Runner:
        """The connection to the host."""

    def fab(self, task: str) -> str:
        """Return a command line for this host, to name in a remedy."""


@dataclass(frozen=True)
class Probe:
    """A check. It is skipped if one of the checks that `needs` names has failed."""

    name: str
    expected: str
    look: Callable[[], str]
    remedy: str
    needs: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    """The sections that manage what the check is about, the most likely first. Where a deploy of
    one would change something, its command follows the remedy."""
    otherwise: str | None = None
    """What to do where a deploy would change nothing; None: restart the services of `sections`."""
