"""The screen: whole lines from many hosts, and on a terminal a line that shows who is at what.

In a pipe it is lines alone, and rich is not even loaded.
"""

from __future__ import annotations

import io
import os
import re
import sys
import threading
import time
from contextlib import suppress
from typing import Any, TextIO

# All but line feed and tab, and what turns the direction of writing around.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """Return text, which may be a host's, without anything that a terminal would act on."""
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


class Screen:
    """Where all hosts of a run print to. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy: dict[str, tuple[str, float]] = {}
        self._status: Any = None
        self.broken = False
        """Nobody reads what is printed any more; the work goes on without."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")

    def lines(self, text: str) -> None:
        """Print text that belongs together, never mixed with another host's."""
        text = harmless(text)
        with self._lock:
            if self._status is not None:
                self._status.console.print(text, markup=False, highlight=False, soft_wrap=True)
            else:
                self._print(text, sys.stdout)

    def _print(self, text: str, stream: TextIO) -> None:
        if self.broken:
            return
        try:
            print(text, file=stream, flush=True)
        except (OSError, ValueError):
            self.broken = True
            # Or Python would complain once more when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def error(self, text: str) -> None:
        """Print text to standard error."""
        with self._lock, suppress(OSError, ValueError):
            print(harmless(text), file=sys.stderr, flush=True)

    def busy(self, host: str, doing: str) -> None:
        """Show on a terminal what a host is at."""
        if not sys.stdout.isatty():
            return
        with self._lock:
            self._busy[host] = (doing, time.monotonic())
            self._show()

    def idle(self, host: str) -> None:
        """Show no longer what a host is at."""
        with self._lock:
            self._busy.pop(host, None)
            if not self._busy and self._status is not None:
                self._status.stop()
                self._status = None
            elif self._status is not None:
                self._show()

    def _show(self) -> None:
        if self._status is None:
            from rich.console import Console
            from rich.live import Live

            # Drawn anew ten times a second, so that the seconds go on.
            self._status = Live(
                get_renderable=self._picture,
                console=Console(),
                refresh_per_second=10,
                transient=True,
            )
            self._status.start()

    def _picture(self) -> Any:
        from rich.spinner import Spinner
        from rich.text import Text

        now = time.monotonic()
        hosts = list(self._busy.items())
        first = [f"{host}: {doing} {now - since:.0f} s" for host, (doing, since) in hosts[:3]]
        more = f" and {len(hosts) - 3} more hosts" if len(hosts) > 3 else ""
        self._spinner = getattr(self, "_spinner", None) or Spinner("dots")
        self._spinner.update(text=Text("; ".join(first) + more, overflow="ellipsis", no_wrap=True))
        return self._spinner
