"""The progress of a run: everything of one host, or an overview of many.

One host's lines come as they happen. Those of many hosts come when a host is done. Meanwhile a
terminal shows a line for each busy host, and a pipe gets a line with the time for each event.
"""

from __future__ import annotations

import shutil
import time
from datetime import datetime
from typing import Any, Protocol

from fabfile.report.recorder import Event, Kind
from fabfile.report.result import Result
from fabfile.report.terminal import Terminal
from fabfile.report.visible import visible


class Progress(Protocol):
    """The receiver of a run's progress."""

    def emit(self, event: Event) -> None:
        """Take an event of a host. Called from any thread."""

    def batch(self, number: int, batches: int, hosts: int) -> None:
        """Show that a batch of so many hosts begins."""

    def done(self, result: Result) -> None:
        """Show the result of a host that is done, or will not be started."""

    def close(self) -> None:
        """End the display."""


class OneHost:
    """The progress of a run on one host."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._doing, self._since = "", 0.0
        self._spinner: Any = None

    def emit(self, event: Event) -> None:
        if event.kind is Kind.LINE:
            self.terminal.lines(event.text)
        elif event.kind is Kind.BUSY:
            self._doing, self._since = f"{event.host}: {event.text}", time.monotonic()
            self.terminal.start_live(self._picture)

    def batch(self, number: int, batches: int, hosts: int) -> None:
        """Show nothing: there is only one."""

    def done(self, result: Result) -> None:
        self.terminal.stop_live()
        if result.error:
            self.terminal.error(result.error)

    def close(self) -> None:
        self.terminal.stop_live()

    def _picture(self) -> Any:
        from rich.spinner import Spinner
        from rich.text import Text

        text = f"{visible(self._doing)} {time.monotonic() - self._since:.0f} s"
        self._spinner = self._spinner or Spinner("dots")
        self._spinner.update(text=Text(text, overflow="ellipsis", no_wrap=True))
        return self._spinner


class ManyHosts:
    """The progress of a run on many hosts."""

    def __init__(self, terminal: Terminal, hosts: int, *, events: bool = True) -> None:
        self.terminal = terminal
        self.hosts = hosts
        self.events = events and not terminal.interactive
        """Whether a line is printed for each event."""
        self._at_work: dict[str, tuple[float, str]] = {}
        self._over: set[str] = set()
        self._batch = ""
        self._done = self._failed = 0

    def emit(self, event: Event) -> None:
        if event.host in self._over:
            # An event of a remote worker can arrive after the result.
            return
        since, _ = self._at_work.get(event.host, (time.monotonic(), ""))
        if event.kind is not Kind.LINE:
            self._at_work[event.host] = (since, event.text)
            self.terminal.start_live(self._picture)
        if event.kind is Kind.PHASE:
            self._event(f"{event.host}: {event.text}")

    def batch(self, number: int, batches: int, hosts: int) -> None:
        if batches > 1:
            self._batch = f"wave {number} of {batches}, "
            self._event(f"wave {number} of {batches}: {hosts} hosts")

    def done(self, result: Result) -> None:
        self._over.add(result.host)
        self._at_work.pop(result.host, None)
        self._done += 1
        self._failed += result.failed
        if result.lines:
            self.terminal.lines("\n".join(f"{result.host} | {line}" for line in result.lines))
        if result.error:
            self.terminal.error(result.error)
        self._event(f"{result.host}: {result.status}, {result.seconds:.1f} s")

    def close(self) -> None:
        self.terminal.stop_live()

    def _event(self, text: str) -> None:
        if self.events:
            self.terminal.error(f"{datetime.now():%H:%M:%S} {text}")

    def _picture(self) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        now = time.monotonic()
        at_work = sorted(self._at_work.items(), key=lambda item: item[1][0])
        room = max(3, shutil.get_terminal_size().lines - 6)
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column(justify="right", no_wrap=True)
        for host, (since, doing) in at_work[:room]:
            table.add_row(Text(host), Text(visible(doing)), f"{now - since:.0f} s")
        if len(at_work) > room:
            table.add_row(f"and {len(at_work) - room} more", "", "")
        bar = Table.grid(padding=(0, 2))
        bar.add_row(
            ProgressBar(total=self.hosts, completed=self._done, width=30),
            f"{self._batch}{self._done} of {self.hosts} hosts, {self._failed} failed",
        )
        return Group(table, bar)
