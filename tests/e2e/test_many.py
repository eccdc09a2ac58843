"""Several hosts at once, hosts behind others, and a database on another machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import FAB, ROOT, STATE, SandboxHost, new_box
from tests.e2e.systems import CENTOS6


@pytest.fixture(scope="module")
def second(server: SandboxHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHost]:
    """Another server with the same system, bare."""
    box = new_box(f"{server.name}-2", server.system, tmp_path_factory.mktemp("second"))
    box.be_bare()
    yield box
    box.server.down()


@dataclass(frozen=True)
class Fleet:
    """An inventory of two servers, and of one that is down."""

    inventory: Path
    one: str
    two: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run fab with the inventory."""
        return subprocess.run(
            [FAB, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "MAILFAB_INVENTORY": str(self.inventory)},
            check=False,
        )


@pytest.fixture
def fleet(deployed: SandboxHost, second: SandboxHost, unused_port: int, tmp_path: Path) -> Fleet:
    """A deployed server, a bare one, and one that is down."""
    deployed.write_inventory()
    lines = deployed.inventory.read_text() + second.inventory.read_text()
    file = tmp_path / "inventory.ini"
    file.write_text(
        f"[mail]\n{lines}\n[gone]\n"
        f"down1 ansible_host=127.0.0.1 ansible_port={unused_port} fqdn=down1.example.test\n"
        "[everything:children]\nmail\ngone\n"
    )
    return Fleet(file, deployed.name, second.name)


def test_one_failure_does_not_stop_other_hosts(fleet: Fleet, unused_port: int) -> None:
    found = fleet.run("-H", "everything", "status")
    assert found.returncode == 1
    assert f"{fleet.one}: 5 converged, 0 not" in found.stdout
    assert f"{fleet.two}: 0 converged, 5 not" in found.stdout
    assert "down1: 0 changed, 1 failed" in found.stdout
    assert f"down1: 127.0.0.1 port {unused_port}: the connection was refused" in found.stderr
    assert "Traceback" not in found.stderr


def test_lines_of_several_hosts_say_whose_they_are(fleet: Fleet) -> None:
    lines = fleet.run("-H", f"{fleet.one},{fleet.two}", "status").stdout.splitlines()
    words = [line.split(maxsplit=3) for line in lines if line.startswith(f"{fleet.two} | ")]
    states = {section: state for _, _, section, state in words}
    assert list(states) == ["packages", "mysql", "postfix", "dovecot", "aliases"]
    # A bare server may have a repository, or an alias, that is as it should be.
    for section in ("mysql", "postfix", "dovecot"):
        assert states[section] == "not installed"


def test_exit_codes(fleet: Fleet) -> None:
    assert fleet.run("-H", fleet.one, "plan").returncode == 0
    assert fleet.run("-H", "mail", "plan").returncode == 2
    assert fleet.run("-H", "everything", "plan").returncode == 1


def test_an_unknown_name_is_refused_before_anything_is_touched(fleet: Fleet) -> None:
    found = fleet.run("-H", f"{fleet.one},x{fleet.two},mail", "deploy")
    assert found.returncode == 1
    assert f"'x{fleet.two}' is not in inventory.ini" in found.stderr
    assert "did you mean" in found.stderr
    assert "changed" not in found.stdout


def test_plain_fabric_goes_on_working(fleet: Fleet) -> None:
    found = fleet.run("-H", f"{fleet.one},{fleet.two}", "--", "hostname")
    assert sorted(found.stdout.split()) == [fleet.one, fleet.two]
    assert fleet.run("-H", fleet.one, "--", "exit 7").returncode == 7
    assert "needs to know on which host" in fleet.run("deploy").stderr


def test_tasks_of_one_command_share_the_connection(deployed: SandboxHost) -> None:
    deployed.sh("forget_logins")
    found = deployed.fab("postfix", "dovecot", "status")
    assert "5 converged" in found.stdout
    assert deployed.sh("logins").count("Accepted publickey") == 1


def test_through_another_host(deployed: SandboxHost, second: SandboxHost, tmp_path: Path) -> None:
    """Each hop's key is checked, the jump host's too."""
    known = tmp_path / "known_hosts"
    keys = (STATE / "known_hosts").read_text()
    inner = next(line for line in keys.splitlines() if line.startswith(second.server.address))
    known.write_text(keys + f"{second.server.lan_address} {inner.split(maxsplit=1)[1]}\n")
    jump = f"root@{deployed.server.address}"
    second.write_inventory(
        ansible_host=second.server.lan_address,
        ansible_ssh_common_args=f"-o ProxyJump={jump}",
        ssh_known_hosts=str(known),
    )
    assert "0 converged, 5 not" in second.fab("status").stdout
    known.write_text(
        "".join(
            f"{line}\n"
            for line in known.read_text().splitlines()
            if deployed.server.address not in line
        )
    )
    assert "is not known" in second.fab("status", code=1).stderr
    second.write_inventory()


def test_a_database_on_another_machine(
    deployed: SandboxHost, second: SandboxHost, tmp_path: Path
) -> None:
    """Lookups and logins go over TLS to a server whose certificate is checked, or not at all."""
    secrets = {"db_password": "admin-secret", "db_lookup_password": "reader-secret"}
    second.write_inventory(db_clients=deployed.server.lan_address, **secrets)
    second.fab("packages", "mysql")
    ca = tmp_path / "ca.pem"
    ca.write_text(second.sh("cat $database_certificate"))
    if second.system.firewall:
        # Who may use the database is for the administrator to say (docs/database.md).
        second.sh(f"iptables -I INPUT -s {deployed.server.lan_address} -p tcp -j ACCEPT")
    deployed.write_inventory(db_host=second.fqdn, db_ca=str(ca), **secrets)
    try:
        if deployed.system is CENTOS6:
            for task in ("plan", "deploy", "preflight"):
                error = deployed.fab(task, code=1).stderr
                assert "Postfix 2.6.6 and Dovecot before 2.3 cannot" in error
            return
        deployed.fab("deploy")
        assert deployed.fab("deploy").stdout == f"{deployed.name}: 0 changed, 0 failed\n"
        deployed.fab("domain.add", "remote.example.org")
        deployed.fab("user.add", "me@remote.example.org", "--password-stdin", stdin="pass\n")
        assert "me@remote" in second.sh("sql 'SELECT email FROM mail.users'")
        verified = deployed.fab("verify", code=None)
        assert verified.returncode == 0, verified.stdout
        count = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'mail_reader'"
        assert second.sh(f'sql "{count}"').strip() != "0"
        assert "ok    The connection to the database is encrypted: TLS" in verified.stdout
        # The lookups work without TLS as well, and nothing would show it.
        place = f"mail_reader@'{deployed.server.lan_address}'"
        second.sh(f'sql "GRANT USAGE ON *.* TO {place} REQUIRE NONE"')
        verified = deployed.fab("verify", code=1)
        assert "also takes mail_reader without TLS" in verified.stdout
        assert "60 passed, 1 failed" in verified.stdout.splitlines()[-1]
    finally:
        deployed.write_inventory()
        deployed.fab("deploy")
