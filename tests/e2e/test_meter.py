"""The benchmark's meter, against things whose cost is known."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import meter
from benchmarks.command import Command, RunError
from benchmarks.meter import Counters, measure
from fabfile.sandbox import cgroup
from tests.e2e.conftest import STATE, SandboxHost, only
from tests.e2e.systems import DEBIAN12

pytestmark = only(DEBIAN12, because="it measures this machine, with any server")

TWO_PROCESSES = """\
import subprocess, sys, time
work = "import time; held = b'x' * 60_000_000\\nwhile time.process_time() < 0.4: pass"
subprocess.run([sys.executable, "-c", work], check=True)
while time.process_time() < 0.4: pass
print(subprocess.Popen(["setsid", "sleep", "600"], stdout=subprocess.DEVNULL).pid)
"""

HALF_A_SECOND = """\
ticks=0
while [ $ticks -lt 50 ]; do
    read -r line </proc/$$/stat
    set -- $line
    ticks=$((${14} + ${15}))
done
"""
"""Shell that works until its own CPU time, user and system, is 50 ticks of a hundredth of a second:
on a busy machine that takes longer, and is as much."""


def test_what_a_command_and_its_children_use_is_counted(
    server: SandboxHost, tmp_path: Path
) -> None:
    server.server.up(latency_ms=0)
    cost, output = measure(Command([sys.executable, "-c", TWO_PROCESSES], tmp_path), [])
    assert 0.8 <= cost.cpu < 2, "both processes' CPU time"
    assert 60e6 < cost.memory < 250e6, "the child's memory"
    assert cost.cpu < cost.seconds * 2
    assert (cost.traffic, cost.packets, cost.target_cpu) == (0, 0, 0)
    left = Path(f"/proc/{output.strip()}/cmdline")
    # Its parent has ended: its exit code may not have been read yet.
    assert not left.exists() or not left.read_text(), "what is left running has been ended"
    assert not any(folder.exists() for folder in cgroup.folders(meter.GROUP))


def test_the_wire_and_the_server_are_counted(server: SandboxHost, tmp_path: Path) -> None:
    server.server.up(latency_ms=0)
    script = f"dd if=/dev/zero bs=1M count=2 2>/dev/null\n{HALF_A_SECOND}"
    where = [f"-p{server.server.port(22)}", f"root@{server.server.address}"]
    options = ["-i", str(STATE / "id_ed25519"), "-oStrictHostKeyChecking=no"]
    known = f"-oUserKnownHostsFile={tmp_path / 'known_hosts'}"
    cost, _ = measure(Command(["ssh", *options, known, *where, script], tmp_path), [server.server])
    assert 2 * 2**20 < cost.traffic < 2.5 * 2**20, "2 MB, and what carries them"
    assert cost.packets > 30
    assert 0.45 < cost.target_cpu < 5, "half a second of work"
    before = Counters.now([server.server])
    assert Counters.now([server.server]).traffic - before.traffic < 10_000


def test_a_failure_says_what_was_printed(server: SandboxHost, tmp_path: Path) -> None:
    server.server.up(latency_ms=0)
    with pytest.raises(RunError, match=r"sh failed \(4\):\nthe reason"):
        measure(Command(["sh", "-c", "echo the reason; exit 4"], tmp_path), [])
    assert not any(folder.exists() for folder in cgroup.folders(meter.GROUP))
