"""Run a command and measure its cost: on this machine, on the wire and on the hosts.

The kernel counts. The command runs in a control group of its own, which counts the CPU time and
memory of all its processes. Each sandbox server has one too. The wire is the server's port in the
lan.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import Command, RunError
from benchmarks.cost import Cost
from fabfile.sandbox import cgroup, machine, network, process, state
from fabfile.sandbox.server import Server

GROUP = "bench-control"
PEAKS = ("memory.max_usage_in_bytes", "memory.peak")
"""The files of a control group with its peak memory: of version 1 and of version 2."""
JOIN_TIMEOUT = 10
"""Time for a process to join its control groups, in seconds."""

# Joining a group takes the kernel a while: the clock starts with the line that `read` waits for.
JOIN = 'for group in $GROUPS_TO_JOIN; do echo $$ >$group/cgroup.procs; done; read go; exec "$@"'


@dataclass(frozen=True)
class Counters:
    """The counters of all servers together at one moment: bytes, packets, CPU seconds."""

    traffic: int
    packets: int
    cpu: float

    @classmethod
    def now(cls, servers: Sequence[Server]) -> Counters:
        """Read the counters."""
        ports = {f"port{state.number(server.name)}" for server in servers}
        command = ["ip", "-n", network.lan(), "-json", "-stats", "link", "show"]
        links = json.loads(machine.run(command, purpose="reading the counters of the lan"))
        counters = [
            link["stats64"][way]
            for link in links
            if link["ifname"] in ports
            for way in ("rx", "tx")
        ]
        return cls(
            sum(counter["bytes"] for counter in counters),
            sum(counter["packets"] for counter in counters),
            sum(cpu_seconds(cgroup.folders(server.name)) for server in servers),
        )


def cpu_seconds(folders: Sequence[Path]) -> float:
    """Return the CPU time (user and system) of a control group in seconds, subgroups included."""
    for folder in folders:
        for line in (folder / "cpu.stat").read_text().splitlines() if _counts(folder) else ():
            if line.startswith("usage_usec "):
                return int(line.split()[1]) / 1e6
    raise RunError("no control group counts CPU time: mount the cgroup2 hierarchy")


def _counts(folder: Path) -> bool:
    return (folder / "cpu.stat").exists()


def peak_memory(folders: Sequence[Path]) -> int:
    """Return the peak memory of a control group in bytes."""
    for path in (folder / name for folder in folders for name in PEAKS):
        if path.exists():
            return int(path.read_text())
    raise RunError("no control group counts memory: enable the memory controller")


def measure(command: Command, servers: Sequence[Server]) -> tuple[Cost, str]:
    """Run a command on these servers and return its cost and output. Raise RunError if it fails.

    Processes that it leaves running (Ansible's persistent connections) are killed afterwards: in
    daily use they would expire before the next deploy.
    """
    folders = cgroup.make(GROUP)
    before = Counters.now(servers)
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen(
            ["sh", "-c", JOIN, "sh", *command.argv],
            cwd=command.folder,
            env={**command.environment, "GROUPS_TO_JOIN": " ".join(map(str, folders))},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_joined(folders, child.pid)
            assert child.stdin is not None
            start = time.perf_counter()
            child.stdin.write(b"\n")
            child.stdin.close()
            code = child.wait()
            seconds = time.perf_counter() - start
            cpu, memory = cpu_seconds(folders), peak_memory(folders)
            after = Counters.now(servers)
        finally:
            while members := cgroup.members(GROUP):
                process.kill(members)
            cgroup.remove(GROUP)
        output.seek(0)
        text = output.read()
    if code:
        raise command.failed(code, text)
    return Cost(
        seconds,
        cpu,
        memory,
        after.traffic - before.traffic,
        after.packets - before.packets,
        after.cpu - before.cpu,
    ), text


def _wait_until_joined(folders: Sequence[Path], pid: int) -> None:
    end = time.monotonic() + JOIN_TIMEOUT
    while any(str(pid) not in (f / "cgroup.procs").read_text().split() for f in folders):
        if time.monotonic() > end:
            raise RunError(
                f"process {pid} did not join {', '.join(map(str, folders))} "
                f"within {JOIN_TIMEOUT} seconds"
            )
        time.sleep(0.005)
