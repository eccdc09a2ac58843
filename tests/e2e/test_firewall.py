"""Ports are opened in whichever firewall a server has: real servers, real connections.

Each firewall lets in nothing but ssh, and has a rule of an administrator's that turns one address
away. A connection comes from the lan's gateway, or from that address.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from fabfile.engine.deploy import Deployed, SurveyedState, survey_host
from fabfile.model.section import Guide, Section
from fabfile.resources.firewall import OpenPort
from fabfile.sandbox import machine, network
from tasks.guide import GUIDE
from tests.e2e.conftest import SandboxHost, new_box
from tests.e2e.systems import System
from tests.shell.conftest import Silent

PORTS = (25, 993)
OTHER = 8025
"""A port that the inventory does not open."""
# No server has these: state.number begins with 6.
BLOCKED = network.address(2)
"""The address that the administrator turns away."""
NEIGHBOUR = network.address(3)
"""A port that no rule closes."""

SECTION = Section("ports", "Ports", lambda host: (OpenPort(port) for port in PORTS))

NFT = """\
flush ruleset
table inet filter {
	chain input {
		type filter hook input priority 0; policy accept;
		ct state established,related accept
		iif lo accept
		ip saddr BLOCKED drop
		tcp dport 22 accept
		meta l4proto { icmp, ipv6-icmp } accept
		reject with icmpx type admin-prohibited
	}
}
table inet office {
	chain input {
		type filter hook input priority 10; policy drop;
		ct state vmap { established : accept, related : accept, invalid : drop }
		iifname "lo" accept
		tcp dport { 22, 80, 443 } accept
	}
}
"""

RULES = """\
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:common - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -j common
-A INPUT -m limit --limit 3/min -j LOG --log-prefix "no way: "
-A common -s BLOCKED/32 -j DROP
-A common -p tcp -m multiport --dports 22,80:443 -m comment --comment "ssh, web" -j ACCEPT
COMMIT
"""

INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends netbase"

# How each firewall is set up, and the places that a plan names.
FIREWALLS: dict[str, tuple[str, str, set[str]]] = {
    "el6": (
        "el6",
        """
sed -i '/dport 22/i -A INPUT -s BLOCKED -j DROP' /etc/sysconfig/iptables
service iptables restart
""",
        {"iptables", "/etc/sysconfig/iptables", "ip6tables", "/etc/sysconfig/ip6tables"},
    ),
    "iptables-persistent": (
        "debian12",
        f"""
{INSTALL} iptables-persistent
cat >/etc/iptables/rules.v4 <<'END'
{RULES}END
netfilter-persistent start
""",
        {"iptables", "/etc/iptables/rules.v4"},
    ),
    "nftables": (
        "debian12",
        f"""
{INSTALL} nftables
cat >/etc/nftables.conf <<'END'
{NFT}END
systemctl enable --now nftables
""",
        {"nftables", "/etc/nftables.conf"},
    ),
    "ufw": (
        "debian12",
        f"""
{INSTALL} ufw
ufw deny from BLOCKED
ufw allow 22/tcp
ufw --force enable
""",
        {"ufw", "/etc/ufw/user.rules", "/etc/ufw/user6.rules"},
    ),
    "firewalld": (
        "debian12",
        f"""
{INSTALL} firewalld nftables
until firewall-cmd --state; do sleep 0.2; done
firewall-cmd --permanent --zone=work --add-interface=eth0
firewall-cmd --permanent --zone=work --add-rich-rule='rule family=ipv4 source address=BLOCKED drop'
firewall-cmd --reload
""",
        {"firewalld", "/etc/firewalld/zones/work.xml"},
    ),
}


def cases(system: System) -> list[str]:
    """Return the firewalls that are tried on a system."""
    return [name for name, (image, _, _) in FIREWALLS.items() if image == system.image]


@pytest.fixture
def walled(
    case: str, server: SandboxHost, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SandboxHost, set[str]]]:
    """A server with one of the firewalls, and the places in it where a port is closed."""
    _, setup, places = FIREWALLS[case]
    box = new_box(f"{server.name}-fw", server.system, tmp_path_factory.mktemp("firewall"))
    box.be_bare()
    box.write_inventory(ansible_port=str(box.server.port(22)))
    box.sh("if command -v apt-get >/dev/null; then apt-get -q update; fi")
    box.sh(f"set -e\n{setup.replace('BLOCKED', BLOCKED)}")
    yield box, places
    if not os.environ.get("MAILFAB_TEST_KEEP"):
        box.server.down()


@contextmanager
def listening(box: SandboxHost) -> Iterator[None]:
    """Listen on every port, in the server's own network."""
    sockets = [
        network.listener("0.0.0.0", port, inside=box.server.netns) for port in (*PORTS, OTHER)
    ]
    try:
        yield
    finally:
        for one in sockets:
            one.close()


def reached(box: SandboxHost, *, source: str = network.GATEWAY) -> set[int]:
    """Return the ports on which a connection from the lan comes about."""
    found: set[int] = set()

    def knock() -> None:
        network.enter(network.lan())
        for port in (*PORTS, OTHER):
            with closing(socket.socket()) as caller, suppress(OSError):
                caller.settimeout(0.5)
                caller.bind((source, 0))
                caller.connect((box.server.lan_address, port))
                found.add(port)

    thread = threading.Thread(target=knock)
    thread.start()
    thread.join()
    return found


def wait_for_firewall(box: SandboxHost) -> None:
    """Return when a booting server has closed the port that the inventory does not open."""
    end = time.monotonic() + 30
    while OTHER in reached(box):
        assert time.monotonic() < end, "no firewall after the boot"
        time.sleep(0.3)


@pytest.fixture
def addresses(walled: tuple[SandboxHost, set[str]]) -> None:
    """Give the gateway of the lan that the server is in the blocked address and its neighbour.

    It keeps them as long as there is the lan, in which the other systems' tests need them too.
    """
    for address in (BLOCKED, NEIGHBOUR):
        where = [f"{address}/32", "dev", network.BRIDGE]
        command = ["ip", "-n", network.lan(), "addr", "replace", *where]
        machine.run(command, purpose="changing the lan's addresses")


@contextmanager
def surveyed(box: SandboxHost) -> Iterator[SurveyedState]:
    """Survey the server with a guide that opens the ports and does nothing else."""
    guide = Guide([SECTION], variables=GUIDE.table.variables)
    with box.connect() as c:
        yield survey_host(guide, guide.sections, c.target, c, Silent())


def places(box: SandboxHost) -> set[str]:
    """Return where, by a plan, a port is to be opened."""
    with surveyed(box) as made:
        (part,) = made.plan().sections
    return {place for change in part.changes for place in change.differences}


def deploy(box: SandboxHost) -> Deployed:
    with surveyed(box) as made:
        return made.deploy("a test")


def check_open(box: SandboxHost) -> None:
    """Everybody reaches the ports, and nothing else; but not who is blocked."""
    assert reached(box) == set(PORTS)
    assert reached(box, source=NEIGHBOUR) == set(PORTS)
    assert reached(box, source=BLOCKED) == set()
    assert places(box) == set()


@pytest.mark.usefixtures("addresses")
def test_ports_are_opened_and_stay_open(walled: tuple[SandboxHost, set[str]]) -> None:
    box, closed_in = walled
    with listening(box):
        assert reached(box) == set()
        assert places(box) == closed_in
        assert deploy(box).changed == len(PORTS)
        check_open(box)
    box.server.poweroff()
    box.server.boot()
    with listening(box):
        wait_for_firewall(box)
        check_open(box)
        assert deploy(box).changed == 0
