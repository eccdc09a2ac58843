"""The plan of a fleet: the same change is shown once, and who is different stands apart."""

from __future__ import annotations

from fabfile.report.fleet_plan import fleet_plan
from fabfile.report.result import Block, Result

POSTFIX = "postfix: Configure Postfix"
LIMIT = Block(POSTFIX, ("  ~ main.cf message_size_limit: 10240000 → 30720000",))


def host(name: str, *blocks: Block) -> Result:
    names = {"fqdn": f"{name}.example.com", "domain": "example.com"}
    return Result(name, plan=list(blocks), names=names)


def own_name(name: str) -> Block:
    return Block(POSTFIX, (f"  ~ main.cf myhostname: localhost → {name}.example.com",))


def test_what_all_have_in_common_is_shown_once() -> None:
    lines = list(fleet_plan([host(f"m{n}", LIMIT) for n in range(1, 4)]))
    assert lines == ["3 hosts (m1, m2, m3):", f"  {POSTFIX}", f"  {LIMIT.lines[0]}"]


def test_an_outlier_stands_apart_with_what_it_alone_has() -> None:
    odd = Block(POSTFIX, ("  + File /etc/postfix/x.cf", "      mode = 0640"))
    lines = list(fleet_plan([host("m1", odd, LIMIT), host("m2", LIMIT), host("m3")]))
    assert lines == [
        "2 hosts (m1, m2):",
        f"  {POSTFIX}",
        f"  {LIMIT.lines[0]}",
        "m1:",
        f"  {POSTFIX}",
        "    + File /etc/postfix/x.cf",
        "        mode = 0640",
    ]


def test_a_hosts_own_name_makes_no_outlier() -> None:
    lines = list(fleet_plan([host("m1", own_name("m1")), host("m2", own_name("m2"))]))
    assert lines[0] == "2 hosts (m1, m2):"
    assert lines[2].endswith("localhost → <fqdn>")


def test_what_is_the_same_keeps_its_words() -> None:
    same = Block(POSTFIX, ("  ~ main.cf relayhost:  → relay.example.com",))
    lines = list(fleet_plan([host("m1", same), host("m2", same)]))
    assert lines[2].endswith("→ relay.example.com")


def test_many_hosts_are_counted() -> None:
    first = next(fleet_plan([host(f"m{n}", LIMIT) for n in range(30)]))
    assert first == "30 hosts (m0, m1, m2, m3, m4, m5, m6, m7 and 22 more):"


def test_one_host_and_no_plan_print_nothing() -> None:
    assert not list(fleet_plan([host("m1", LIMIT)]))
    assert not list(fleet_plan([host("m1"), host("m2")]))
