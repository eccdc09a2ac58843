"""The seam between the engine and a host: SSH in life, a local shell in tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Line = Callable[[str], None]


class Runner(Protocol):
    """The seam between the engine and a host: run a script, return what it prints.

    A `private` script must not become visible on the host and goes over standard input. `on_line`
    is called with each line as it arrives. Raises UnreachableError when the connection is lost.
    """

    def prepare(self) -> None:
        """Get ready to run scripts, as far as that can be done in the background."""

    def run_script(self, script: str, *, private: bool = False, on_line: Line | None = None) -> str:
        """Run it and return its standard output."""

    def start(self, script: str) -> Running:
        """Start a script that reads its standard input; other users of the host cannot see that."""


class Running(Protocol):
    """A script that runs on a host."""

    def read_line(self) -> str:
        """Return the next line of its output without the line feed; empty at the end."""

    def send(self, text: str) -> None:
        """Write to its standard input. Raises OSError or EOFError when it has ended."""

    def close(self) -> None:
        """Close its standard input, which ends it."""
