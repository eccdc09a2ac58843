"""The lock of a host: one run at a time, from its first change to its last survey.

A process on the host holds the lock and exits when our heartbeat stops. So the lock is free after
a run ends, is killed, or loses its connection. An apply script that a crashed run left running
holds a second lock until it ends (steps.sh).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fabfile.model import shell
from fabfile.model.errors import ApplyError, Stopped, UnreachableError
from fabfile.model.runner import Runner, Running
from fabfile.model.system import STATE_DIR

HEARTBEAT_SECONDS = 15
"""Time between two heartbeats, in seconds."""
POLL_SECONDS = 0.25
"""Time between two checks whether the run was cancelled, in seconds."""
SILENCE_SECONDS = 90
"""Maximum time without a heartbeat before the lock is released, in seconds."""

HOLD = f"state_dir={STATE_DIR} silence={SILENCE_SECONDS}\n" + shell.program(__file__, "lock.sh")


@contextmanager
def held(
    runner: Runner,
    holder: str,
    wait: int,
    waiting: Callable[[str], None],
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[bool]:
    """Hold the host's lock; the value is whether we had to wait for it.

    `wait` is the maximum time to wait, in seconds. `waiting` is called with a description of the
    other run. Once `cancelled` returns True, an apply on the host ends before its next step.
    Raises ApplyError if the lock stays taken, UnreachableError if the connection is lost, Stopped
    if the run is cancelled while it waits.
    """
    nonce = shell.nonce()
    settings = f"nonce={nonce} wait={wait} holder={shell.quote(holder)}"
    running = runner.start(shell.script("", f"{settings}\n{HOLD}", interactive=True))
    acquired, released = threading.Event(), threading.Event()
    arguments = (running, acquired, released, cancelled)
    threading.Thread(target=_send_heartbeats, args=arguments, daemon=True).start()
    try:
        other = _acquire(running, nonce, wait, waiting, cancelled)
        acquired.set()
        yield bool(other)
    finally:
        released.set()
        running.close()


def _acquire(
    running: Running,
    nonce: str,
    wait: int,
    waiting: Callable[[str], None],
    cancelled: Callable[[], bool],
) -> str:
    """Wait for the lock; return a description of the run that held it, empty if it was free."""
    other = ""
    while line := running.read_line():
        match line.split():
            case [mark, "got"] if mark == f"@{nonce}":
                return other
            case [mark, "held", *words] if mark == f"@{nonce}":
                other = " ".join(words) or "unknown"
                if wait:
                    waiting(other)
            case [mark, "unwritable"] if mark == f"@{nonce}":
                raise ApplyError(
                    f"nothing could be started: {STATE_DIR} cannot be written",
                    "look for a full or read-only file system: df -h /var; mount | grep -w ro",
                )
    if cancelled():
        raise Stopped("nothing was changed")
    if other:
        raise ApplyError(
            f"another run is in progress on this host: {other}",
            "run the command again when it is done, or wait for it: --wait",
        )
    raise UnreachableError(
        "the host's lock could not be taken: the host stopped answering",
        "run the command again",
    )


def _send_heartbeats(
    running: Running,
    acquired: threading.Event,
    released: threading.Event,
    cancelled: Callable[[], bool],
) -> None:
    """Send heartbeats. Once cancelled, tell the process on the host, or close it if it waits."""
    last = time.monotonic()
    while not released.wait(POLL_SECONDS):
        if cancelled() and not acquired.is_set():
            running.close()
            return
        if not cancelled() and time.monotonic() < last + HEARTBEAT_SECONDS:
            continue
        last = time.monotonic()
        try:
            running.send("s" if cancelled() else ".")
        except (OSError, EOFError):
            return
