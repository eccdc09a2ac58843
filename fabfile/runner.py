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

    def run_script(self, script: str, *, private: bool = False, on_line: Line | None = None) -> str:
        """Run it and return its standard output."""
