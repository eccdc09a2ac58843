"""The section beyond the guide that names the host: off, on, drift, a new boot, rollback, off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks.hostname import CLOUD_INIT
from tests.e2e.conftest import SandboxHost

NAMES = "cat /proc/sys/kernel/hostname; hostname -f"
HEADING = "Set the Host Name"


@pytest.fixture
def named(box: SandboxHost) -> Iterator[SandboxHost]:
    """A deployed server with hostname=yes, with cloud-init's folder, unknown to /etc/hosts."""
    box.sh("mkdir -p /etc/cloud/cloud.cfg.d; cp /etc/hosts /root/hosts")
    box.sh(f"sed -i '/{box.fqdn}/d' /etc/hosts")
    box.write_inventory(hostname="yes")
    yield box
    box.sh("cat /root/hosts >/etc/hosts; rm -rf /root/hosts /etc/cloud")


def test_a_host_gets_its_full_name_and_keeps_it(named: SandboxHost) -> None:
    before = named.sh("cat /etc/hosts; cat /proc/sys/kernel/hostname")
    named.write_inventory()
    assert named.fab("plan").stdout == f"{named.name}: 0 would change, 0 failed\n"

    named.write_inventory(hostname="yes")
    assert HEADING in named.fab("plan", code=2).stdout
    assert ": 3 changed, 0 failed" in named.fab("deploy").stdout
    assert named.fab("deploy").stdout == f"{named.name}: 0 changed, 0 failed\n"
    assert named.sh(NAMES).split() == [named.fqdn, named.fqdn]
    assert named.sh(f"cat {CLOUD_INIT}") == "preserve_hostname: true\nmanage_etc_hosts: false\n"
    assert f"ok    The host knows its full name: {named.fqdn}" in named.fab("verify").stdout

    # Other lines of /etc/hosts stay, and a rollback brings the old name back.
    assert set(before.splitlines()[:-1]) <= set(named.sh("cat /etc/hosts").splitlines())
    named.write_inventory()
    named.fab("rollback")
    assert named.sh("cat /etc/hosts; cat /proc/sys/kernel/hostname") == before


@pytest.mark.parametrize(
    ("drift", "title"),
    [
        ("hostname other", "HostName"),
        ("sed -i '/example.test/d' /etc/hosts", "HostsEntry"),
        (f"echo 'preserve_hostname: false' >{CLOUD_INIT}", "CloudInitFile"),
    ],
    ids=["name in force", "line of /etc/hosts", "settings of cloud-init"],
)
def test_drift_is_shown_and_healed(named: SandboxHost, drift: str, title: str) -> None:
    named.fab("hostname")
    named.sh(drift)
    found = named.fab("hostname.plan", code=2).stdout
    assert title in found
    assert "1 would change" in found
    if title == "HostName":
        assert "FAIL  The host knows its full name" in named.fab("verify", code=1).stdout
    assert ": 1 changed, 0 failed" in named.fab("hostname").stdout
    assert named.sh(NAMES).split() == [named.fqdn, named.fqdn]


def test_a_host_keeps_its_name_over_a_boot(named: SandboxHost) -> None:
    named.fab("hostname")
    named.server.poweroff()
    named.server.boot()
    named.sh("settle")
    assert named.sh(NAMES).split() == [named.fqdn, named.fqdn]
    assert named.fab("plan").stdout == f"{named.name}: 0 would change, 0 failed\n"
