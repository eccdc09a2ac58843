"""Control groups of a server: one folder in every hierarchy, made before its systemd starts.

Without them all servers would share the control groups of the process that starts them. Two
systemds would then manage each other's units.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from fabfile.sandbox import state
from fabfile.sandbox.errors import SandboxError


def hierarchies() -> list[Path]:
    """Return the mount points of the machine's hierarchies: one (v2) or several (v1, hybrid)."""
    found = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, path, kind, options = line.split()[:4]
        # A new cpuset group accepts no process until its CPUs are set. Servers do not need it.
        if kind == "cgroup2" or (kind == "cgroup" and "cpuset" not in options.split(",")):
            found.append(Path(path))
    return found


def folders(name: str) -> list[Path]:
    """Return a server's control group in every hierarchy."""
    return [path / state.prefix() / name for path in hierarchies()]


def make(name: str) -> list[Path]:
    """Create a server's control groups, empty, and return them."""
    remove(name)
    for folder in folders(name):
        folder.mkdir(parents=True, exist_ok=True)
    return folders(name)


def members(name: str) -> set[int]:
    """Return the pids of all processes in a server's control groups."""
    pids: set[int] = set()
    for folder in folders(name):
        for path, _, _ in os.walk(folder):
            with suppress(OSError):
                pids.update(int(pid) for pid in (Path(path) / "cgroup.procs").read_text().split())
    return pids - {0}


def remove(name: str) -> None:
    """Remove a server's control groups. They must have no processes left."""
    end = time.monotonic() + 5
    for folder in folders(name):
        while folder.exists():
            for path, _, _ in os.walk(folder, topdown=False):
                with suppress(OSError):
                    Path(path).rmdir()
            if not folder.exists():
                break
            if time.monotonic() > end:
                raise SandboxError(
                    f"the control group {folder} still has processes",
                    f"see which: cat {folder}/cgroup.procs",
                    host=name,
                )
            # A process leaves its group a moment after its exit.
            time.sleep(0.01)
        with suppress(OSError):
            folder.parent.rmdir()
