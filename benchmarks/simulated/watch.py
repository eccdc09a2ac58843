"""A process watched from outside: its time and memory, and the most threads and files it had.

Memory and CPU time are the kernel's own sums, exact; threads and descriptors are looked at many
times a second. A leak shows as more of them for more hosts, once the pool is full.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import Command

LOOKS_EVERY = 0.05
"""Seconds."""


@dataclass(frozen=True)
class Run:
    """What one process used: seconds, bytes, and the most of each at once."""

    seconds: float
    cpu: float
    memory: int
    threads: int
    descriptors: int


def watch(command: Command) -> tuple[Run, str]:
    """Run a command and return what it used and what it printed. RunError if it fails."""
    threads = descriptors = 0
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        child = subprocess.Popen(
            command.argv,
            cwd=command.folder,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        while True:
            pid, status, used = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            now = look(child.pid)
            threads, descriptors = max(threads, now[0]), max(descriptors, now[1])
            time.sleep(LOOKS_EVERY)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if child.returncode:
        raise command.failed(child.returncode, text)
    cpu = used.ru_utime + used.ru_stime
    return Run(seconds, cpu, used.ru_maxrss * 1024, threads, descriptors), text


def look(pid: int) -> tuple[int, int]:
    """Return how many threads and open descriptors a process has; none when it has ended."""
    with suppress(OSError):
        folder = Path(f"/proc/{pid}")
        return len(os.listdir(folder / "task")), len(os.listdir(folder / "fd"))  # noqa: PTH208
    return 0, 0
