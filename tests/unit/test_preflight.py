"""The rules of preflight that depend on the kind of system."""

from __future__ import annotations

import pytest

from fabfile.model.host import Platform, SurveyedHost
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
