"""The interface between the engine and a host: SSH in production, a local shell in tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Line = Callable[[str], None]


class Runner(Protocol):
    """Runs scripts on a host and returns their output.

    A `private` script must not be visible to other users of the host; it travels on standard input.
    `on_line` is called with each line as it arrives. Methods raise UnreachableError when the
    connection is lost.
    """

    def prepare(self) -> None:
        """Start to connect in the background."""

    def run_script(self, script: str, *, private: bool = False, on_line: Line | None = None) -> str:
        """Run a script and return its standard output."""

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
