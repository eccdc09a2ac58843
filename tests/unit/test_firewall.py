"""The verdict of a set of rules on an outside client, and the place of an accept rule in it.

Hosts printed the sets in tests/data/rules/, or administrators wrote them. NAME.json beside
NAME.rules has the verdict on each port: `open`, or the chain and the index of the rejecting rule.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabfile.resources.firewall import FILTER, FIREWALL, OpenPort

RULES = Path(__file__).resolve().parents[1] / "data" / "rules"
AWKS = {"mawk": ["mawk"], "gawk": ["gawk"], "busybox": ["busybox", "awk"]}
INSTALLED = [name for name, command in AWKS.items() if shutil.which(command[0])]


def verdicts(
    rules: str,
    *ports: int,
    outside: str = "eth0",
    family: int = 4,
    own: bool = False,
    awk: str = INSTALLED[0],
) -> dict[str, str]:
    """Return the verdict on each port, in the form of the JSON files."""
    variables = {"ports": " ".join(map(str, ports)), "outside": outside, "family": family}
    variables["own"] = "1" if own else ""
    options = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
    run = subprocess.run(
        [*AWKS[awk], *options, FILTER], input=rules, capture_output=True, text=True, check=True
    )
    assert not run.stderr
    found: dict[str, list[str]] = {}
    for line in run.stdout.splitlines():
        port, verdict, *where = line.split(" ", 4)
        found.setdefault(port, []).append(f"{where[2]} {where[0]}" if where else verdict)
    return {port: ", ".join(places) for port, places in found.items()}


@pytest.mark.parametrize("awk", INSTALLED)
@pytest.mark.parametrize("file", sorted(RULES.glob("*.rules")), ids=lambda file: file.stem)
def test_recorded_rules_give_the_recorded_verdicts(file: Path, awk: str) -> None:
    for case in json.loads(file.with_suffix(".json").read_text()):
        answers = case.pop("answers")
        assert verdicts(file.read_text(), *map(int, answers), **case, awk=awk) == answers


@pytest.mark.parametrize(
    ("rule", "closes"),
    [
        ("-j DROP", True),
        ("-p tcp -j REJECT --reject-with tcp-reset", True),
        ("-p 6 -m tcp -j DROP", True),
        ("-p udp -j DROP", False),
        ("! -p tcp -j DROP", False),
        ("-i eth0 -j DROP", True),
        ("-i eth+ -j DROP", True),
        ("-i lo -j DROP", False),
        ("! -i lo -j DROP", True),
        ("-s 192.0.2.1/32 -j DROP", False),
        ("! -s 192.0.2.1/32 -j DROP", False),
        ("-s 0.0.0.0/0 -j DROP", True),
        ("-m state --state NEW -j DROP", True),
        ("-m conntrack --ctstate INVALID -j DROP", False),
        ("-m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP", True),
        ("-p tcp -m tcp --dport 20:30 -j DROP", True),
        ("-p tcp -m tcp --dport 26:30 -j DROP", False),
        ("-p tcp -m tcp --dport 1024: -j DROP", False),
        ("-p tcp -m tcp --dport :1023 -j DROP", True),
        ("-p tcp -m multiport ! --dports 22,80 -j DROP", True),
        ("-p tcp -m multiport ! --dports 22,25 -j DROP", False),
        ("-p tcp -m tcp --syn -j DROP", True),
        ("-p tcp -m tcp ! --syn -j DROP", False),
        ("-p tcp -m tcp --tcp-flags SYN,RST SYN,RST -j DROP", False),
        ("-p tcp -m tcp --tcp-flags ALL NONE -j DROP", False),
        ("-m set --match-set bad src -j DROP", False),
        ("-m recent --name X --update --seconds 60 -j DROP", False),
        ("-m addrtype --dst-type LOCAL -j DROP", True),
        ("-m addrtype --dst-type MULTICAST -j DROP", False),
        ('-m comment --comment "x -s 192.0.2.1 \\" -p udp" -j DROP', True),
        ("-j NFLOG --nflog-group 2", False),
    ],
)
def test_only_a_rule_for_every_client_closes_a_port(rule: str, closes: bool) -> None:
    rules = f"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {rule}\nCOMMIT\n"
    assert verdicts(rules, 25) == {"25": "INPUT 1" if closes else "open"}


def test_recursive_chains_end() -> None:
    rules = "*filter\n:INPUT DROP [0:0]\n:a - [0:0]\n-A INPUT -j a\n-A a -j a\nCOMMIT\n"
    assert verdicts(rules, 25) == {"25": "INPUT 2"}


def test_empty_rules_leave_the_port_open() -> None:
    assert verdicts("", 25) == {"25": "open"}
    assert OpenPort(25).differences(None) == {}
    assert OpenPort(25).differences(FIREWALL.parse(["= iptables", "25 open"])["25"]) == {}


def test_closed_port_names_its_place() -> None:
    answer = ["= iptables", "25 closed 5 10 INPUT", "= /etc/sysconfig/iptables", "25 open"]
    state = FIREWALL.parse(answer)["25"]
    assert OpenPort(25).differences(state) == {"iptables": ("closed", "open")}


# Rule sets of relevant and irrelevant conditions, over a few ports and chains.
PORTS = (22, 25, 80, 993)
CHAINS = ("INPUT", "a", "b", "c")
CONDITIONS = st.lists(
    st.sampled_from(
        [
            "-p tcp",
            "-p udp",
            "-i lo",
            "! -i lo",
            "-s 192.0.2.1/32",
            "-m state --state NEW",
            "-m state --state ESTABLISHED",
            "-p tcp -m tcp --dport 25",
            "-p tcp -m tcp --dport 22:80",
            "-p tcp -m multiport ! --dports 25,993",
            "-m limit --limit 1/sec",
        ]
    ),
    max_size=2,
)


@st.composite
def rule_sets(draw: st.DrawFn) -> str:
    """Rules whose chains call only later chains, as the kernel requires."""
    lines = ["*filter", f":INPUT {draw(st.sampled_from(['ACCEPT', 'DROP']))} [0:0]"]
    lines += [f":{chain} - [0:0]" for chain in CHAINS[1:]]
    rules = []
    for number, chain in enumerate(CHAINS):
        targets = ["-j ACCEPT", "-j DROP", "-j REJECT", "-j RETURN", "-j LOG"]
        targets += [f"{how} {other}" for other in CHAINS[number + 1 :] for how in ("-j", "-g")]
        for _ in range(draw(st.integers(0, 4))):
            conditions = " ".join(draw(CONDITIONS))
            rules.append(f"-A {chain} {conditions} {draw(st.sampled_from(targets))}")
    return "\n".join([*lines, *draw(st.permutations(rules)), "COMMIT", ""])


def inserted(rules: str, port: int, chain: str, index: int) -> str:
    """Return the rules with an accept rule at an index of a chain."""
    lines = rules.splitlines()
    mine = [number for number, line in enumerate(lines) if line.startswith(f"-A {chain} ")]
    where = mine[index - 1] if index <= len(mine) else len(lines) - 1
    lines.insert(where, f"-A {chain} -p tcp -m tcp --dport {port} -j ACCEPT")
    return "\n".join([*lines, ""])


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(rule_sets(), st.sampled_from(PORTS))
def test_inserted_rule_opens_its_port_and_no_other(rules: str, port: int) -> None:
    before = verdicts(rules, *PORTS)
    if before[str(port)] == "open":
        return
    chain, index = before[str(port)].split()
    after = verdicts(inserted(rules, port, chain, int(index)), *PORTS)
    assert after[str(port)] == "open"
    for other in set(PORTS) - {port}:
        assert (after[str(other)] == "open") == (before[str(other)] == "open")
