"""The rules of preflight that depend on the kind of system."""

from __future__ import annotations

import pytest

from fabfile.model.host import Platform, SurveyedHost
from fabfile.model.preflight import Finding
from fabfile.model.resource import Change, Differences
from fabfile.resources.account import User
from fabfile.resources.service import Service
from tasks.guide import GUIDE
from tasks.preflight import HOST, preflight

DEBIAN, CENTOS = Platform("debian", "12"), Platform("el", "6", "", "sysv", "yum")


@pytest.mark.parametrize(
    ("platform", "answer", "taken"),
    [
        (DEBIAN, "port 25/127.0.0.1 exim4", False),
        (DEBIAN, "port 25/[::1] exim4", False),
        (DEBIAN, "port 25/0.0.0.0 exim4", True),
        (CENTOS, "port 25/127.0.0.1 sendmail", True),
        (CENTOS, "port 25/127.0.0.1 master", False),
        (CENTOS, "port 143/* dovecot imap-login", False),
        (CENTOS, "port 2525/* python", False),
    ],
)
def test_who_has_a_port(platform: Platform, answer: str, taken: bool) -> None:
    variables = {"fqdn": "h.example.com", "db_host": "localhost", "hostname": "no"}
    host = SurveyedHost("h", variables, system=platform)
    lines = [answer, "hostname is h", "clock now 0"]
    states = {(HOST.name, key): state for key, state in HOST.parse(lines).items()}
    ports = [f for f in preflight(GUIDE, host, states, []) if f.subject.startswith("port")]
    assert [found.verdict for found in ports] == ["FAIL" if taken else "ok"]


def judged(lines: list[str], *planned: Change) -> list[Finding]:
    """Return the findings of a Debian host's answer, for planned changes."""
    variables = {"fqdn": "h.example.com", "db_host": "localhost", "hostname": "no"}
    host = SurveyedHost("h", variables, system=DEBIAN)
    states = {
        (HOST.name, key): state
        for key, state in HOST.parse([*lines, "hostname is h", "clock now 0"]).items()
    }
    return preflight(GUIDE, host, states, planned)


POSTFIX = Change(Service("postfix", process="postfix@-"), {"enabled": (False, True)}, False)


@pytest.mark.parametrize(
    ("place", "remedy"),
    [
        ("/etc/systemd/system/postfix.service", "systemctl unmask postfix.service"),
        ("/etc/systemd/system/postfix@-.service", "systemctl unmask postfix@-.service"),
        ("/etc/systemd/system/postfix@.service", "systemctl unmask postfix@.service"),
        ("/run/systemd/system/postfix.service", "systemctl unmask --runtime postfix.service"),
        ("/etc/systemd/system/apache2.service", ""),
        ("/etc/systemd/system/postfix-other.service", ""),
    ],
)
def test_masked_unit_of_a_planned_service_is_fatal(place: str, remedy: str) -> None:
    (found,) = [f for f in judged([f"masked {place}"], POSTFIX) if f.subject == "services"]
    assert (found.verdict, found.remedy) == ("FAIL" if remedy else "ok", remedy)


def test_masked_unit_that_no_change_needs_is_no_failure() -> None:
    (found,) = [
        f for f in judged(["masked /etc/systemd/system/postfix.service"]) if f.subject == "services"
    ]
    assert found.verdict == "ok"


@pytest.mark.parametrize(
    ("differences", "creates", "fatal"),
    [
        ({"uid": (1234, 5000)}, False, True),
        ({"home": ("/srv/mail", "/home/vmail")}, False, True),
        ({"shell": ("/bin/sh", "/usr/sbin/nologin")}, False, False),
        ({"uid": (None, 5000)}, True, False),
    ],
)
def test_process_of_vmail_is_fatal_only_where_usermod_would_refuse(
    differences: Differences, creates: bool, fatal: bool
) -> None:
    vmail = User("vmail", uid=5000, gid=5000, home="/home/vmail")
    lines = ["process 811 imap", "process 812 lmtp"]
    found = [
        f for f in judged(lines, Change(vmail, differences, creates)) if f.subject == "user vmail"
    ]
    assert [f.verdict for f in found] == (["FAIL"] if fatal else [])
    if fatal:
        assert "imap (811), lmtp (812)" in found[0].seen
        assert "kill 811 812" in found[0].remedy
