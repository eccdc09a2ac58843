"""Ports in firewalls, under dash, bash and busybox; the firewalls' programs are stubs.

Each stub keeps the rules in force in a file, and adds the new ones to it. A stub stands in front
of every firewall program, so that the machine's own firewall never changes.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from fabfile.model.errors import ApplyError
from fabfile.resources.firewall import OpenPort
from tests.scratch import Scratch
from tests.shell.conftest import Bench

Benches = Callable[..., Bench]
RULES = Path(__file__).resolve().parents[1] / "data" / "rules"
CENTOS6 = (RULES / "centos6.rules").read_text()
PORTS = (OpenPort(25), OpenPort(993))

# Executes `-I CHAIN INDEX RULE`, for chains whose rules are contiguous.
RESTORE = """\
[ "$*" = --noflush ] || exit 1
while read -r word chain index rule; do
    [ "$word" = -I ] || continue
    awk -v chain="$chain" -v at="$index" -v rule="$rule" '
        $1 == "-A" && $2 == chain { n++ }
        !done && (n == at || (n + 1 == at && /^COMMIT/)) { print "-A", chain, rule; done = 1 }
        { print }' LIVE >LIVE.new
    mv LIVE.new LIVE
done
"""

NFT = """\
table inet filter { # handle 1
	chain input { # handle 1
		type filter hook input priority filter; policy drop;
		tcp dport 22 accept # handle 2
	}
}
"""

# Appends a rule to the only chain, or prints the rules.
NFT_STUB = """\
case $1 in
-f) sed -n 's/^add rule inet filter input //p' "$2" | while read -r rule; do
        sed -i "s/^\\t}/\\t\\t$rule # handle 9\\n&/" LIVE
    done ;;
*) cat LIVE ;;
esac
"""


@pytest.fixture
def host(scratch: Scratch) -> Scratch:
    """The scratch host without a firewall."""
    for program in ("iptables", "ip6tables"):
        live = scratch.root / program
        live.write_text("")
        scratch.stub(f"{program}-save", f"cat {live}")
        scratch.stub(f"{program}-restore", RESTORE.replace("LIVE", str(live)))
    (scratch.root / "nft").write_text("")
    scratch.stub("nft", NFT_STUB.replace("LIVE", str(scratch.root / "nft")))
    for program in ("firewall-cmd", "ufw", "systemctl", "unshare"):
        scratch.stub(program, "exit 1")
    return scratch


def enable(host: Scratch, service: str) -> None:
    """Enable a service at boot, as SysV init does."""
    folder = host.path("/etc/rc3.d")
    folder.mkdir(exist_ok=True)
    (folder / f"S08{service}").symlink_to(f"../init.d/{service}")


def keep(host: Scratch, path: str, text: str) -> Path:
    """Write a file with the rules for the next boot."""
    file = host.path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o600)
    return file


@pytest.fixture
def centos(host: Scratch) -> Scratch:
    """The scratch host with CentOS 6's firewall, for IPv4."""
    enable(host, "iptables")
    keep(host, "/etc/sysconfig/iptables", CENTOS6)
    (host.root / "iptables").write_text(CENTOS6)
    return host


def with_ours(rules: str, *ports: int) -> str:
    """Return CentOS 6's rules with ours in front of the rejecting one."""
    ours = "".join(
        f"-A INPUT -p tcp -m tcp --dport {port} -m comment --comment mailfab -j ACCEPT\n"
        for port in ports
    )
    return rules.replace("-A INPUT -j REJECT", f"{ours}-A INPUT -j REJECT")


def test_host_without_a_firewall_needs_no_change(bench: Benches, host: Scratch) -> None:
    assert bench(*PORTS).plan().changes == 0


def test_rules_are_inserted_before_the_rejecting_rule(bench: Benches, centos: Scratch) -> None:
    target = bench(*PORTS)
    assert target.deploy().changed == 2
    assert target.observer.steps == ["OpenPort 25/tcp and 1 more"]
    file = centos.path("/etc/sysconfig/iptables")
    assert file.read_text() == with_ours(CENTOS6, 25, 993)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (centos.root / "iptables").read_text() == with_ours(CENTOS6, 993, 25)
    assert target.deploy().changed == 0
    (kept,) = centos.path("/var/lib/mailfab/runs").glob("*/kept/**/iptables")
    assert kept.read_text() == CENTOS6


@pytest.mark.parametrize("done", ["file", "rules", "one port"])
def test_half_done_change_is_finished(bench: Benches, centos: Scratch, done: str) -> None:
    file, live = centos.path("/etc/sysconfig/iptables"), centos.root / "iptables"
    if done in ("file", "one port"):
        file.write_text(with_ours(CENTOS6, *([25, 993] if done == "file" else [25])))
    if done == "rules":
        live.write_text(with_ours(CENTOS6, 25, 993))
    bench(*PORTS).deploy()
    assert bench(*PORTS).plan().changes == 0
    for text in (file.read_text(), live.read_text()):
        assert [text.count(f"--dport {port} ") for port in (25, 993)] == [1, 1]


def test_dropping_policy_gets_rules_at_the_end(bench: Benches, host: Scratch) -> None:
    enable(host, "netfilter-persistent")
    rules = "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n*nat\nCOMMIT\n"
    for family, version in (("iptables", 4), ("ip6tables", 6)):
        keep(host, f"/etc/iptables/rules.v{version}", rules)
        (host.root / family).write_text(rules)
    assert bench(*PORTS).deploy().changed == 2
    for version in (4, 6):
        lines = host.path(f"/etc/iptables/rules.v{version}").read_text().splitlines()
        assert [line.split("--dport ")[-1].split()[0] for line in lines[3:5]] == ["25", "993"]
        assert lines[5:] == ["COMMIT", "*nat", "COMMIT"]
    assert bench(*PORTS).plan().changes == 0


def test_nftables_gets_each_rule_once_in_file_and_kernel(bench: Benches, host: Scratch) -> None:
    enable(host, "nftables")
    config = keep(host, "/etc/nftables.conf", f"flush ruleset\n{NFT}")
    (host.root / "nft").write_text(NFT)
    assert bench(*PORTS).deploy().changed == 2
    ours = [
        f'add rule inet filter input tcp dport {port} accept comment "mailfab"'
        for port in (25, 993)
    ]
    assert config.read_text() == f"flush ruleset\n{NFT}" + "\n".join([*ours, ""])
    # The state after a crash between file and kernel: the line must not be added again.
    (host.root / "nft").write_text(NFT)
    assert bench(*PORTS).deploy().changed == 2
    assert config.read_text().count("mailfab") == 2


def test_rules_that_no_service_saves_are_refused(bench: Benches, host: Scratch) -> None:
    (host.root / "iptables").write_text(CENTOS6)
    with pytest.raises(
        ApplyError, match=r"rules of iptables, which reject ports 25 993\b(.|\n)*load"
    ):
        bench(*PORTS).deploy()
    assert (host.root / "iptables").read_text() == CENTOS6


def test_ufw_opens_ports_by_its_own_program(bench: Benches, host: Scratch) -> None:
    keep(host, "/etc/ufw/ufw.conf", "ENABLED=yes\n")
    keep(host, "/etc/default/ufw", 'IPV6=no\nDEFAULT_INPUT_POLICY="DROP"\n')
    user = keep(host, "/etc/ufw/user.rules", "*filter\nCOMMIT\n")
    rule = "-A ufw-user-input -p tcp --dport ${2%/tcp} -j ACCEPT"
    host.stub("ufw", f'[ "$1" = allow ] && sed -i "2i {rule}" {user}')
    assert bench(*PORTS).deploy().changed == 2
    assert bench(*PORTS).plan().changes == 0


def test_firewalld_without_nft_is_read_from_its_files(bench: Benches, host: Scratch) -> None:
    keep(host, "/etc/firewalld/firewalld.conf", "DefaultZone=work\n")
    keep(host, "/etc/firewalld/services/imaps.xml", '<service><port protocol="tcp" port="993"/>')
    rich = '<rule><port port="25" protocol="tcp"/><reject/></rule>'
    services = '<service name="imaps"/>'
    file = keep(host, "/etc/firewalld/zones/work.xml", f"<zone>\n{rich}{services}</zone>")
    host.stub("systemctl", "exit 0")
    host.stub("nft", "exit 127")
    calls = host.root / "calls"
    host.stub(
        "firewall-cmd",
        f'echo "$*" >>{calls}; sed -i \'s#</zone>#<port port="20-25" protocol="tcp"/>&#\' {file}',
    )
    assert bench(*PORTS).deploy().changed == 1
    assert calls.read_text().splitlines() == [
        "--quiet --permanent --zone=work --add-port=25/tcp",
        "--quiet --zone=work --add-port=25/tcp",
    ]
    assert bench(*PORTS).plan().changes == 0
