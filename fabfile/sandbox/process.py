"""Processes that outlive `fab`, found by a variable in their environment.

There are no pid files: /proc/PID/environ tells which processes are ours. So a lost file hides no
process, and a pid that the kernel has used again for another program is never signalled.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fabfile.sandbox import machine, state
from fabfile.sandbox.errors import SandboxError

MARK = "MAILFAB_SANDBOX_PART"


@dataclass(frozen=True)
class Process:
    """A running process of the sandbox. The owner is a server's name or `lan`."""

    pid: int
    owner: str
    role: str


def mark(owner: str, role: str) -> dict[str, str]:
    """Return the environment variable that marks a process of this owner and role."""
    return {MARK: f"{state.directory()}:{owner}:{role}"}


def find(owner: str, *roles: str) -> list[Process]:
    """Return the running processes of an owner, of these roles or of all."""
    # Without pathlib, which takes longer than the kernel: this runs many times a second.
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    found = [process for process in map(read, pids) if process and process.owner == owner]
    return [process for process in found if not roles or process.role in roles]


def read(pid: int) -> Process | None:
    """Return the process with this pid, or None if it has ended or is not the sandbox's."""
    wanted = f"{MARK}={state.directory()}:".encode()
    with suppress(OSError), open(f"/proc/{pid}/environ", "rb", buffering=0) as file:  # noqa: PTH123
        environment = file.read()
        if wanted not in environment:
            return None
        for variable in environment.split(b"\0"):
            if variable.startswith(wanted):
                owner, _, role = variable[len(wanted) :].decode().partition(":")
                return Process(pid, owner, role)
    return None


def start(
    owner: str, role: str, command: Sequence[str], *, log: Path, pass_fds: Sequence[int] = ()
) -> None:
    """Start a detached process: own session, own streams, not our child."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        done = subprocess.run(
            ["setsid", "--fork", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**machine.environment(), **mark(owner, role)},
            pass_fds=pass_fds,
            cwd="/",
            check=False,
        )
    if done.returncode:
        raise SandboxError(f"{command[0]} could not be started", f"see {log}", host=owner)


def kill(pids: Iterable[int], *, number: int = signal.SIGKILL, wait: float = 20) -> None:
    """Signal processes and wait for their end, `wait` in seconds.

    Descriptors hold the processes (pidfd_open(2)), so a pid that is used again is not signalled.
    """
    descriptors = {}
    for pid in pids:
        with suppress(OSError):
            descriptors[pid] = os.pidfd_open(pid)
    try:
        for descriptor in descriptors.values():
            with suppress(OSError):
                signal.pidfd_send_signal(descriptor, number)
        end = time.monotonic() + wait
        for pid, descriptor in descriptors.items():
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if not poll.poll(max(0, end - time.monotonic()) * 1000):
                raise SandboxError(
                    f"process {pid} did not end within {wait} seconds", f"see it: ps -fp {pid}"
                )
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)


def status(pid: int, field: str) -> list[str]:
    """Return the words of a field of /proc/PID/status, or none if the process has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            name, _, words = line.partition(":")
            if name == field:
                return words.split()
    return []


def parent(pid: int) -> int:
    """Return the pid of a process' parent, or 0 if there is none."""
    return int((status(pid, "PPid") or ["0"])[0])


def catches(pid: int, number: int) -> bool:
    """Return whether a process has a handler for a signal. Most signals end one without."""
    caught = int((status(pid, "SigCgt") or ["0"])[0], 16)
    return bool(caught >> (number - 1) & 1)


def signal_all(processes: Iterable[Process], number: int) -> None:
    """Signal processes without waiting for the effect."""
    for process in processes:
        with suppress(OSError):
            os.kill(process.pid, number)


def kill_all(owner: str, *roles: str) -> None:
    """Kill all processes of an owner, of these roles or of all."""
    # Until two searches in a row find none: a process that forks and ends during a search can be
    # missed together with its child, but the next search finds the child.
    clean = 0
    while clean < 2:
        processes = find(owner, *roles)
        kill(process.pid for process in processes)
        clean = 0 if processes else clean + 1


def started(pid: int) -> str:
    """Return the start time of a process, to the second, or `-` if it has ended."""
    try:
        # The name in parentheses may hold spaces: count the fields from its end (proc(5)).
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError):
        return "-"
    ago = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - ago))
