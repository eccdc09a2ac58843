"""Two runs at the same time on one host: the second is told who is first, or waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from fabfile.engine.lock import held
from tests.e2e.conftest import FAB, ROOT, SandboxHost

HOLDER = """
import sys, time
from pathlib import Path
from fabric import Config
from fabfile.model import inventory
from fabfile.engine.lock import held
from fabfile.fleet.targets import resolve
(target,) = resolve([sys.argv[1]], inventory.load(Path(sys.argv[2])), Config())
with target.connect(Config()) as c, held(c, "ruth@desk, process 7", 0, print):
    print("holds it", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def broken(box: SandboxHost) -> SandboxHost:
    """The server with something for a deploy to do."""
    box.sh("postconf -e 'message_size_limit = 1'")
    return box


def test_the_second_is_told_who_is_first(broken: SandboxHost) -> None:
    with broken.connect() as c, held(c, "ruth@desk, process 7", 0, print):
        error = broken.fab("deploy", code=1).stderr
        assert "another run is in progress on this host: ruth@desk, process 7 since 20" in error
        assert "--wait" in error
        assert "1 would change" in broken.fab("plan", code=2).stdout
    assert "1 changed" in broken.fab("postfix").stdout


def test_the_second_can_wait(broken: SandboxHost) -> None:
    with broken.connect() as c:
        with held(c, "ruth", 0, print):
            error = broken.fab("deploy", "--wait=1", code=1)
            assert "waiting for another run on this host: ruth since" in error.stdout
            waiting = subprocess.Popen(
                [FAB, "-H", broken.name, "deploy", "--wait"],
                cwd=ROOT,
                env={**os.environ, "MAILFAB_INVENTORY": str(broken.inventory)},
                stdout=subprocess.PIPE,
                text=True,
            )
            time.sleep(2)
            assert waiting.poll() is None
        output, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert output.endswith(f"{broken.name}: 1 changed, 0 failed\n")


def test_a_killed_run_holds_nothing(broken: SandboxHost) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, broken.name, str(broken.inventory)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    assert holder.stdout.readline() == "holds it\n"
    assert "ruth@desk, process 7" in broken.fab("deploy", code=1).stderr
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert "1 changed" in broken.fab("deploy", "--wait=5").stdout


def test_bad_patience(broken: SandboxHost) -> None:
    assert "--wait is 'soon'" in broken.fab("deploy", "--wait=soon", code=1).stderr
