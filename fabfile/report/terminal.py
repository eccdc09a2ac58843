"""The terminal: whole lines from many hosts, and below them a live picture of the progress.

A pipe gets lines alone; rich is not even loaded.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

from fabfile.report.visible import shortened, visible


def prompt(text: str) -> None:
    """Print a question to standard error; the answer is typed on the same line."""
    print(visible(text), end=" ", file=sys.stderr, flush=True)


class Terminal:
    """The output of all hosts of a run. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: Any = None
        self.broken = False
        """Whether the reader of the output has closed it. The work goes on without."""
        self.interactive = sys.stdout.isatty()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")

    def lines(self, text: str) -> None:
        """Print text that belongs together, never mixed with another host's."""
        text = visible(text)
        with self._lock:
            if self._live is not None:
                self._above(text)
            else:
                self._print(text, sys.stdout)

    def error(self, text: str) -> None:
        """Print text to standard error, over-long lines shortened."""
        text = shortened(visible(text))
        with self._lock, suppress(OSError, ValueError):
            if self._live is not None and sys.stderr.isatty():
                self._above(text)
            else:
                print(text, file=sys.stderr, flush=True)

    def _above(self, text: str) -> None:
        self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _print(self, text: str, stream: TextIO) -> None:
        if self.broken:
            return
        try:
            print(text, file=stream, flush=True)
        except (OSError, ValueError):
            self.broken = True
            # Without this, Python reports the closed pipe again at its exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def start_live(self, picture: Callable[[], Any]) -> None:
        """Show a live picture, which rich renders, until stop_live is called."""
        if not self.interactive:
            return
        with self._lock:
            if self._live is not None:
                return
            from rich.console import Console
            from rich.live import Live

            # Ten times a second, so that the seconds are seen to pass.
            self._live = Live(
                get_renderable=picture, console=Console(), refresh_per_second=10, transient=True
            )
            self._live.start()

    def stop_live(self) -> None:
        """Remove the live picture."""
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None
