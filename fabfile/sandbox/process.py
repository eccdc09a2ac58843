"""Processes that outlive `fab`, known by a mark in their environment.

There are no pid files: a process is ours when its /proc/PID/environ says so, now. So nothing is
forgotten when files are lost, and a pid that came to belong to a stranger is never signalled.
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
    """A running process of the sandbox: whose it is (a server, or the lan) and what it does."""

    pid: int
    owner: str
    role: str


def mark(owner: str, role: str) -> dict[str, str]:
    """Return what stands in the environment of such a process."""
    return {MARK: f"{state.directory()}:{owner}:{role}"}


def find(owner: str, *roles: str) -> list[Process]:
    """Return the running processes of a server (or of the lan), of these roles or of all."""
    # Not by pathlib, which takes longer than the kernel: this is asked many times a second.
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    found = [process for process in map(read, pids) if process and process.owner == owner]
    return [process for process in found if not roles or process.role in roles]


def read(pid: int) -> Process | None:
    """Return the process with this pid, or None when it is gone or not the sandbox's."""
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
    """Start a process that holds nothing of ours: own session, own streams, not our child."""
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
        raise SandboxError(f"{owner}: {command[0]} could not be started", f"see {log}")


def kill(pids: Iterable[int], *, number: int = signal.SIGKILL, wait: float = 20) -> None:
    """Signal processes and wait, in seconds, until they are gone.

    They are held by descriptor, so that a pid used again in between is not waited for or hit.
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
                raise SandboxError(f"process {pid} does not end", f"look at it: ps -fp {pid}")
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)


def status(pid: int, field: str) -> list[str]:
    """Return the words of a field of /proc/PID/status; none when the process is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            name, _, words = line.partition(":")
            if name == field:
                return words.split()
    return []


def parent(pid: int) -> int:
    """Return the pid of a process' parent; 0 when there is none."""
    return int((status(pid, "PPid") or ["0"])[0])


def catches(pid: int, number: int) -> bool:
    """Say whether a process has a handler for a signal; without one, most signals would end it."""
    caught = int((status(pid, "SigCgt") or ["0"])[0], 16)
    return bool(caught >> (number - 1) & 1)


def signal_all(processes: Iterable[Process], number: int) -> None:
    """Signal processes, without waiting for what they make of it."""
    for process in processes:
        with suppress(OSError):
            os.kill(process.pid, number)


def kill_all(owner: str, *roles: str) -> None:
    """Kill every process of a server (or of the lan), of these roles or of all."""
    # Until two looks in a row find none: one that forks and ends during a look is seen by neither
    # name, but its child is there for the next look.
    clean = 0
    while clean < 2:
        processes = find(owner, *roles)
        kill(process.pid for process in processes)
        clean = 0 if processes else clean + 1


def started(pid: int) -> str:
    """Return when a process was started, to the second."""
    try:
        # The name, in parentheses, may hold anything; the fields are counted from its end.
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError):
        return "-"
    ago = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - ago))
