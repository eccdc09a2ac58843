"""Rollouts over ten real servers: one down, one full, one that lets us not in, one broken."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fabfile.sandbox import image
from tests.e2e.conftest import FAB, ROOT, SandboxHost, new_box, only
from tests.e2e.systems import DEBIAN12

pytestmark = only(DEBIAN12, because="ten servers; what differs between systems is tested elsewhere")

SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text())
DOWN, FULL, LOCKED, BROKEN = "r3", "r5", "r6", "r9"


@dataclass
class Fleet:
    """The servers r1 to r10, and an inventory of them."""

    boxes: dict[str, SandboxHost]
    folder: Path

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory.ini"

    def write(self, **variables: str) -> None:
        """Write the inventory, with these variables for all."""
        lines = ["[fleet]"]
        for name, box in self.boxes.items():
            box.write_inventory(**variables)
            # A short name of its own, so that the lines of a report are easy to tell apart.
            lines.append(box.inventory.read_text().replace(box.name, name, 1).rstrip())
        self.inventory.write_text("\n".join(lines) + "\n")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start fab with the inventory."""
        return subprocess.Popen(
            [FAB, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "MAILFAB_INVENTORY": str(self.inventory),
                "XDG_STATE_HOME": str(self.folder),
            },
        )

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run fab on the fleet; check its exit code."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=600)
        assert "Traceback" not in out + err, out + err
        assert process.returncode == code, f"{process.returncode}\n{out}\n{err}"
        return subprocess.CompletedProcess(arguments, code, out, err)

    def report(self, name: str = "report.json") -> dict[str, Any]:
        """Return the hosts of a report, by name; the report follows its schema."""
        found = json.loads((self.folder / name).read_text())
        jsonschema.validate(found, SCHEMA)
        return {host["name"]: host for host in found["hosts"]}


def ends(hosts: dict[str, Any]) -> list[str]:
    """Return how each host ended; what went wrong is printed, should the test fail."""
    for name, host in hosts.items():
        print(name, host["end"], host["summary"], host["error"])
    return [host["end"] for host in hosts.values()]


@pytest.fixture(scope="module")
def fleet(server: SandboxHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Ten servers that were deployed as one, and then given names of their own."""
    folder = tmp_path_factory.mktemp("fleet")
    seed = new_box(f"{server.name}-seed", server.system, folder)
    seed.be_bare()
    seed.be_deployed()
    snapshot = f"{server.name}-deployed"
    shutil.rmtree(image.images() / snapshot, ignore_errors=True)
    seed.server.snapshot(snapshot)
    seed.server.down()
    made = {}
    for number in range(1, 11):
        place = folder / str(number)
        place.mkdir()
        made[f"r{number}"] = new_box(f"{server.name}-r{number}", server.system, place, snapshot)
        made[f"r{number}"].server.down()
        made[f"r{number}"].server.up()
    yield Fleet(made, folder)
    for box in made.values():
        box.server.down()
    shutil.rmtree(image.images() / snapshot)


def break_four(fleet: Fleet) -> None:
    fleet.boxes[DOWN].server.poweroff()
    fleet.boxes[FULL].sh("mount -t tmpfs -o size=4k tmpfs /var/lib/mailfab; true")
    fleet.boxes[FULL].sh("head -c 8192 /dev/zero >/var/lib/mailfab/full; true")
    fleet.boxes[LOCKED].sh("mv /root/.ssh/authorized_keys /root/.ssh/away")
    # No section says what it should be, so a deploy leaves it; no mail gets past it.
    # It may still be booting, and Postfix have nothing to reload yet.
    fleet.boxes[BROKEN].sh("settle; postconf -e smtpd_data_restrictions=reject && postfix reload")


def mend_four(fleet: Fleet) -> None:
    fleet.boxes[DOWN].server.boot()
    fleet.boxes[FULL].sh("umount /var/lib/mailfab")
    fleet.boxes[LOCKED].sh("mv /root/.ssh/away /root/.ssh/authorized_keys")
    fleet.boxes[BROKEN].sh("postconf -X smtpd_data_restrictions && postfix reload")


def test_a_plan_shows_once_what_all_have_in_common(fleet: Fleet) -> None:
    """All have the seed's name in their files, and should have their own."""
    fleet.write()
    lines = fleet.run("-H", "fleet", "plan", code=2).stdout.splitlines()
    assert lines[0].startswith("10 hosts (r1, r2, r3, r4, r5, r6, r7, r8 and 2 more):")
    assert [line for line in lines if "myhostname" in line and "→ <fqdn>" in line]
    assert not [line for line in lines if line == "r4:"]
    assert next(line for line in lines if line.startswith("r10: ")).endswith(
        "would change, 0 failed"
    )


def test_within_the_budget_the_others_are_finished(fleet: Fleet) -> None:
    fleet.write()
    break_four(fleet)
    batches = ("--canary", "1", "--batch", "3", "--max-failures", "4")
    files = [f"--{kind}={fleet.folder}/report.{kind}" for kind in ("json", "html", "junit")]
    found = fleet.run("-H", "fleet", "rollout", *batches, *files, code=1)
    hosts = fleet.report()
    assert [host["wave"] for host in hosts.values()] == [1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    failed = {name: host["error"] for name, host in hosts.items() if host["end"] == "failed"}
    assert list(failed) == [DOWN, FULL, LOCKED, BROKEN]
    assert "the connection was refused" in failed[DOWN]["message"]
    assert "check that the server runs" in failed[DOWN]["remedy"]
    assert "/var/lib/mailfab" in failed[FULL]["message"] + failed[FULL]["remedy"]
    assert "rejected these keys" in failed[LOCKED]["message"]
    assert "authorized_keys" in failed[LOCKED]["remedy"]
    assert "verify: " in failed[BROKEN]["message"]
    for name in set(hosts) - set(failed):
        assert (hosts[name]["end"], hosts[name]["counts"]["failed"]) == ("ok", 0)
        assert hosts[name]["changed"] > 0
    # In the table, and on the lines that a machine can read.
    for name in failed:
        assert f"{name}: " in found.stderr
        rows = [line.split() for line in found.stdout.splitlines() if line.startswith(f"{name} ")]
        assert [row[1] for row in rows if row[1] != "|"] == ["failed"]
    assert "r10: " in found.stdout.splitlines()[-1]
    assert (fleet.folder / "report.html").read_text().count('<section class="host"') == 10
    assert 'errors="4"' in (fleet.folder / "report.junit").read_text()
    secrets = fleet.boxes["r1"].sh("cat /root/.mail_*.cnf").split('"')[1::2]
    assert len(secrets) == 2
    for kind in ("json", "html", "junit"):
        text = (fleet.folder / f"report.{kind}").read_text()
        assert not [secret for secret in secrets if secret in text]


def test_the_lines_of_a_host_stay_together(fleet: Fleet) -> None:
    lines = fleet.run("-H", "fleet", "status", code=1).stdout.splitlines()
    whose = [line.split(" | ")[0] for line in lines if " | " in line]
    changes = [name for name, before in zip(whose, ["", *whose], strict=False) if name != before]
    assert len(changes) == len(set(changes))


def test_without_a_budget_it_stops_before_the_next_wave(fleet: Fleet) -> None:
    batches = ("--canary", "1", "--batch", "3")
    found = fleet.run("-H", "fleet", "rollout", *batches, code=3)
    (kept,) = (fleet.folder / "mailfab" / "rollouts").iterdir()
    kept.rename(fleet.folder / "left.json")
    hosts = fleet.report("left.json")
    assert ends(hosts) == ["ok", "ok", "failed", "ok"] + ["skipped"] * 6
    assert f"--resume {kept}" in found.stderr


def test_what_is_left_is_done_once_it_is_mended(fleet: Fleet) -> None:
    mend_four(fleet)
    left = str(fleet.folder / "left.json")
    found = fleet.run("-H", "fleet", "rollout", "--batch", "4", "--resume", left)
    hosts = fleet.report("left.json")
    assert set(ends(hosts)) == {"ok"}
    assert [name for name, host in hosts.items() if host["earlier"]] == ["r1", "r2", "r4"]
    assert "ok (earlier)" in found.stdout
    again = fleet.run("-H", "fleet", "rollout", "--resume", left)
    assert "wave" not in again.stderr


def test_a_host_that_fails_is_put_back(fleet: Fleet) -> None:
    fleet.write(message_size_limit="20480000")
    broken, fine = fleet.boxes[BROKEN], fleet.boxes["r10"]
    broken.sh("postconf -e smtpd_data_restrictions=reject && postfix reload")
    report = f"--json={fleet.folder}/back.json"
    fleet.run("-H", f"{BROKEN},r10", "rollout", "--rollback-on-failure", report, code=1)
    hosts = fleet.report("back.json")
    assert "changed" in hosts[BROKEN]["rolled_back"]
    assert hosts["r10"]["rolled_back"] is None
    size = "postconf -h message_size_limit"
    assert (broken.sh(size), fine.sh(size)) == ("30720000\n", "20480000\n")
    broken.sh("postconf -X smtpd_data_restrictions && postfix reload")
    fleet.write()


def test_an_interrupt_lets_each_host_finish_its_step(fleet: Fleet) -> None:
    """And the next run goes on."""
    for name in ("r1", "r2"):
        fleet.boxes[name].sh("uninstall dovecot-pop3d; rm /etc/aliases")
    report = f"--json={fleet.folder}/stopped.json"
    process = fleet.start("-H", "r1,r2,r3", "deploy", "--parallel=2", report)
    assert process.stderr
    for line in process.stderr:
        if line.rstrip().endswith(": packages"):
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, out + err
    assert "each host finishes its current step" in err
    hosts = fleet.report("stopped.json")
    assert "stopped" in ends(hosts)[:2], err
    assert set(ends(hosts)) <= {"stopped", "skipped", "ok"}
    for name in ("r1", "r2"):
        if hosts[name]["end"] == "stopped":
            # The step at work was finished, and what comes later not begun.
            fleet.boxes[name].sh("! test -e /etc/aliases")
    fleet.run("-H", "r1,r2,r3", "rollout")


def test_two_interrupts_end_it_at_once_and_the_next_run_heals(fleet: Fleet) -> None:
    fleet.boxes["r1"].sh("uninstall dovecot-pop3d; rm /etc/aliases")
    process = fleet.start("-H", "r1,r2", "deploy")
    assert process.stderr
    for line in process.stderr:
        if line.rstrip().endswith("r1: packages"):
            process.send_signal(signal.SIGINT)
        if line.startswith("stopping: "):
            process.send_signal(signal.SIGINT)
            break
    process.communicate(timeout=30)
    assert process.returncode == 130
    fleet.run("-H", "r1,r2", "rollout", "--wait=120")


def test_the_workers_of_a_dask_cluster(fleet: Fleet) -> None:
    """Two processes do the work; waves, the budget and the report are the control machine's."""
    distributed = pytest.importorskip("distributed")
    fleet.write(message_size_limit="20480000")
    fleet.boxes[LOCKED].sh("mv /root/.ssh/authorized_keys /root/.ssh/away")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None
    ) as cluster:
        where = cluster.scheduler_address.replace("tcp://", "dask://")
        options = ("--executor", where, f"--json={fleet.folder}/dask.json")
        found = fleet.run("-H", "fleet", "rollout", "--batch=3", *options, code=3)
        hosts = fleet.report("dask.json")
        assert ends(hosts) == ["ok"] * 5 + ["failed"] + ["skipped"] * 4
        assert "r1: postfix" in found.stderr, "what happens is told as it happens"
        assert hosts["r1"]["counts"]["failed"] == 0
        fleet.boxes[LOCKED].sh("mv /root/.ssh/away /root/.ssh/authorized_keys")
        fleet.run(
            *("-H", "fleet", "rollout", "--executor", where),
            *("--resume", str(fleet.folder / "dask.json")),
        )
        assert {host["end"] for host in fleet.report("dask.json").values()} == {"ok"}
    gone = fleet.run("-H", "fleet", "status", "--executor", where, code=1)
    assert "no scheduler answers" in gone.stderr
