"""Watch a process from outside: its time, memory, and peaks of threads and open files.

The kernel counts memory and CPU time exactly. Threads and descriptors are sampled. A leak shows as
more of them for more hosts than the pool has.
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

SAMPLE_INTERVAL = 0.05
"""Time between two samples, in seconds."""


@dataclass(frozen=True)
class Run:
    """The use of one process: wall and CPU seconds, and peaks of memory (bytes) and others."""

    seconds: float
    cpu: float
    memory: int
    threads: int
    descriptors: int


def watch(command: Command) -> tuple[Run, str]:
    """Run a command and return its use and output. Raise RunError if it fails."""
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
            now = sample(child.pid)
            threads, descriptors = max(threads, now[0]), max(descriptors, now[1])
            time.sleep(SAMPLE_INTERVAL)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if child.returncode:
        raise command.failed(child.returncode, text)
    cpu = used.ru_utime + used.ru_stime
    return Run(seconds, cpu, used.ru_maxrss * 1024, threads, descriptors), text


def sample(pid: int) -> tuple[int, int]:
    """Return the numbers of threads and descriptors of a process, or zeros after its end."""
    with suppress(OSError):
        folder = Path(f"/proc/{pid}")
        return len(os.listdir(folder / "task")), len(os.listdir(folder / "fd"))  # noqa: PTH208
    return 0, 0
