"""The screen: whole lines from many hosts, and on a terminal a picture below them of what goes on.

In a pipe it is lines alone, and rich is not even loaded.
"""

from __future__ import annotations

import io
import os
import re
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

# All but line feed and tab, and what turns the direction of writing around.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def escape_control(text: str) -> str:
    """Return text, which may be a host's, without anything that a terminal would act on."""
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


class Terminal:
    """Where all hosts of a run print to. Safe to use from several threads."""

    def __init__(self) -> None:
        # The handler of Ctrl-C prints too, in the middle of whatever the main thread does.
        self._lock = threading.RLock()
        self._live: Any = None
        self.broken = False
        """Nobody reads what is printed any more; the work goes on without."""
        self.interactive = sys.stdout.isatty()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")

    def lines(self, text: str) -> None:
        """Print text that belongs together, never mixed with another host's."""
        text = escape_control(text)
        with self._lock:
            if self._live is not None:
                self._above(text)
            else:
                self._print(text, sys.stdout)

    def error(self, text: str) -> None:
        """Print text to standard error."""
        with self._lock, suppress(OSError, ValueError):
            if self._live is not None and sys.stderr.isatty():
                self._above(escape_control(text))
            else:
                print(escape_control(text), file=sys.stderr, flush=True)

    def _above(self, text: str) -> None:
        self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _print(self, text: str, stream: TextIO) -> None:
        if self.broken:
            return
        try:
            print(text, file=stream, flush=True)
        except (OSError, ValueError):
            self.broken = True
            # Or Python would complain once more when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def start_live(self, picture: Callable[[], Any]) -> None:
        """Show a picture, which rich can render, on the terminal until it is erased."""
        if not self.interactive:
            return
        with self._lock:
            if self._live is not None:
                return
            from rich.console import Console
            from rich.live import Live

            # Drawn anew ten times a second, so that the seconds go on.
            self._live = Live(
                get_renderable=picture, console=Console(), refresh_per_second=10, transient=True
            )
            self._live.start()

    def stop_live(self) -> None:
        """Show the picture no longer."""
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None
