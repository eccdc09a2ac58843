"""Ctrl-C. Once: each host finishes its present step, and nothing new starts. Twice: exit at once.

The next run finishes what is left, from whichever step it was.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

EXIT_CODE = 130
"""The exit code that a shell gives to a program ended by Ctrl-C."""
ANNOUNCE_SECONDS = 2
"""Longest wait for the announcement to be printed at the end of a run, in seconds."""


class Interrupt:
    """The Ctrl-C state of a run. Safe to use from several threads."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._asked = threading.Event()
        self._wake = threading.Event()
        """Set at Ctrl-C and at the end of the run."""
        self._terminal: Any = None
        with suppress(termios.error, OSError, ValueError):
            self._terminal = termios.tcgetattr(sys.stdin)

    def cancelled(self) -> bool:
        """Return whether Ctrl-C has been pressed."""
        return self._asked.is_set()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle Ctrl-C, instead of raising KeyboardInterrupt, inside this context."""
        announcer = threading.Thread(target=self._announce, daemon=True)
        announcer.start()
        before = signal.signal(signal.SIGINT, self._interrupted)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
            self._wake.set()
            announcer.join(ANNOUNCE_SECONDS)

    def _interrupted(self, _signal: int, _frame: FrameType | None) -> None:
        """Set flags, no more: the main thread may be in the middle of printing."""
        if self._asked.is_set():
            self.end()
        self._asked.set()
        self._wake.set()

    def _announce(self) -> None:
        """Say that the run is stopping, in a thread of its own, as soon as Ctrl-C is pressed."""
        self._wake.wait()
        if self.cancelled():
            self._say(
                "stopping: each host finishes its current step; Ctrl-C again ends the run at "
                "once, and the next run continues from there"
            )

    def end(self) -> NoReturn:
        """Exit at once, although threads still talk to hosts or ask for a password."""
        if self._terminal is not None:
            with suppress(termios.error, OSError, ValueError):
                termios.tcsetattr(sys.stdin, termios.TCSANOW, self._terminal)
        # RuntimeError: the main thread was in the middle of printing.
        with suppress(OSError, ValueError, RuntimeError):
            sys.stdout.flush()
        os._exit(EXIT_CODE)
