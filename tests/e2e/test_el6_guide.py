"""The guide typed by hand on one server like CentOS 6, mailfab on another, the two compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.e2e.behaviour import ELSEWHERE, behaviour, deliveries
from tests.e2e.comparison import compare, differences
from tests.e2e.conftest import SandboxHost, new_box, only
from tests.e2e.expected_differences import EXPECTED
from tests.e2e.guide import REPOSITORIES, STEPS, Step
from tests.e2e.guide_texts import (
    ADDRESS,
    ADMIN_PASSWORD,
    DOMAIN,
    FQDN,
    PASSWORD,
    ROOT_PASSWORD,
)
from tests.e2e.snapshot import Snapshot, snapshot
from tests.e2e.systems import CENTOS6

pytestmark = only(CENTOS6, because="the guide is for CentOS 6")

SQL = f"mysql -u root -p{ROOT_PASSWORD} -e"
FORWARDING = "INSERT INTO mail.forwardings VALUES ('info@example.com', 'sales@example.com')"

# Of each kind of thing that the guide does, what a plan for a bare server must name.
PLANNED = (
    "Exclusion of postfix in [base]",
    "Exclusion of postfix in [updates]",
    "Package postfix from [centosplus]",
    "Package mysql-server",
    "Service mysqld",
    "Service postfix",
    "Service dovecot",
    "Grant on mail to mail_admin@localhost",
    "File /etc/postfix/mysql-virtual_mailboxes.cf",
    "Directory /home/vmail",
    "Service dovecot/unix of master.cf",
)

# Each by hand, and what of the portrait must then differ.
MEDDLING = {
    "packages": ("rpm -e mutt", {"packages: mutt", "origin of packages: mutt.x86_64"}),
    "repositories": (
        f"sed -i '/^\\[updates\\]/,/^exclude/ s/^exclude/#exclude/' {REPOSITORIES}",
        {"CentOS-Base.repo: [updates] exclude"},
    ),
    "runlevels": ("chkconfig --level 5 dovecot off", {"services: runlevels of dovecot"}),
    "main.cf": ("postconf -e 'mynetworks = 0.0.0.0/0'", {"main.cf: mynetworks"}),
    "master.cf": (
        "sed -i 's/-d ${recipient}/-d ${user}/' /etc/postfix/master.cf",
        {"master.cf: dovecot unix"},
    ),
    "dovecot": (
        "sed -i 's/0666/0777/' /etc/dovecot/dovecot.conf",
        {"Dovecot: service auth / unix_listener /var/spool/postfix/private/auth / mode"},
    ),
    "grants": (
        f"{SQL} 'GRANT DROP ON mail.* TO mail_admin@localhost'",
        {"database: grants 'mail_admin'@'localhost' on mail"},
    ),
    "columns": (
        f"{SQL} 'ALTER TABLE mail.users MODIFY password varchar(99) NOT NULL'",
        {"database: column users.password"},
    ),
    "aliases": ("sed -i 's/^noc:.*/noc: bin/' /etc/aliases", {"aliases: noc"}),
    "modes": (
        "chmod o+r /etc/postfix/mysql-virtual_domains.cf",
        {"files: /etc/postfix/mysql-virtual_domains.cf"},
    ),
    "owners": ("chown root /home/vmail/example.com", {"files: /home/vmail/example.com"}),
}


@dataclass
class ByHand:
    """A server on which the guide is followed, as far as is asked for."""

    box: SandboxHost
    done: list[Step] = field(default_factory=list)

    def follow(self, last: Step = STEPS[-1]) -> None:
        """Take the guide's steps up to this one."""
        for step in STEPS[len(self.done) : STEPS.index(last) + 1]:
            run = self.box.server.shell(f"set -e; umask 022\n{step.script}", check=False)
            said = f"{step}\n{run.stdout}\n{run.stderr}"
            assert run.returncode == 0, said
            for words in step.shows:
                assert words in run.stdout, f"not shown: {words}\n{said}"
            self.done.append(step)


def bare(server: SandboxHost, suffix: str, tmp_path_factory: pytest.TempPathFactory) -> SandboxHost:
    """Return a new server like CentOS 6."""
    box = new_box(f"{server.name}-{suffix}", server.system, tmp_path_factory.mktemp(suffix))
    box.be_bare()
    return box


@pytest.fixture(scope="module")
def by_hand(server: SandboxHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByHand]:
    """The server for the guide's commands."""
    box = bare(server, "hand", tmp_path_factory)
    yield ByHand(box)
    box.server.down()


@pytest.fixture(scope="module")
def by_mailfab(
    server: SandboxHost, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SandboxHost]:
    """The server for mailfab, still bare."""
    box = bare(server, "fab", tmp_path_factory)
    box.write_inventory(fqdn=FQDN, db_password=ADMIN_PASSWORD)
    yield box
    box.server.down()


def whole(box: SandboxHost) -> Snapshot:
    """Return what a server has and how it behaves."""
    answers = behaviour(box)
    return snapshot(box) | answers


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_the_guide(by_hand: ByHand, step: Step) -> None:
    by_hand.follow(step)


def test_mail_flows(by_hand: ByHand) -> None:
    """The guide's tests are passed with its errors in, too; these are not."""
    by_hand.follow()
    by_hand.box.sh(f'{SQL} "{FORWARDING}"')
    found = whole(by_hand.box)
    smtp, mail = found["port 25"], found["delivery"]
    assert smtp["STARTTLS"].startswith("220 "), "with < before the path: 454"
    assert smtp["RCPT nobody@example.com"].startswith("550 5.1.1"), "with <'@'>: 451"
    assert found["lookups"]["sales@example.com:mailboxes"] == "example.com/sales/"
    assert smtp[f"RCPT {ELSEWHERE}"].startswith("554 5.7.1")
    assert smtp[f"RCPT {ELSEWHERE} after the login"].startswith("250 ")
    for token in ("from-outside-to-sales", "from-outside-to-info"):
        assert "stored in example.com/sales/Maildir vmail:vmail 600" in mail[token]
    for client in ("IMAP 143 with TLS", "IMAP 993 with TLS"):
        assert found["IMAP"][f"{client} login"] == "OK"
    assert found["POP3"]["POP3 995 with TLS login"] == "+OK Logged in."


def test_mailfab_does_it(by_mailfab: SandboxHost) -> None:
    plan = by_mailfab.fab("plan", code=2).stdout
    print(plan)
    for title in PLANNED:
        assert title in plan, title
    print(by_mailfab.fab("deploy").stdout)
    verified = by_mailfab.fab("verify").stdout
    print(verified)
    assert " passed, 0 failed" in verified
    by_mailfab.fab("domain.add", DOMAIN)
    by_mailfab.fab("user.add", ADDRESS, "--password-stdin", stdin=f"{PASSWORD}\n")
    by_mailfab.fab("forwarding.add", f"info@{DOMAIN}", ADDRESS)


def test_a_second_deploy_changes_nothing_in_one_exec(by_mailfab: SandboxHost) -> None:
    verbose = "SyslogFacility AUTHPRIV\\nLogLevel VERBOSE\\n"
    by_mailfab.sh("cp -p /etc/ssh/sshd_config /root/sshd_config")
    by_mailfab.sh(f"printf '{verbose}' >>/etc/ssh/sshd_config; service sshd reload")
    by_mailfab.sh("sleep 0.5; forget_logins")
    assert by_mailfab.fab("deploy").stdout == f"{by_mailfab.name}: 0 changed, 0 failed\n"
    log = by_mailfab.sh("logins")
    by_mailfab.sh("mv /root/sshd_config /etc/ssh/sshd_config; service sshd reload")
    assert log.count("Accepted publickey") == 1, log
    assert log.count("Starting session") == 1, log


def test_mailfab_differs_from_the_guide_where_it_means_to(
    by_hand: ByHand, by_mailfab: SandboxHost
) -> None:
    by_hand.follow()
    result = compare(whole(by_hand.box), whole(by_mailfab), EXPECTED)
    print(result)
    assert not result.unexplained, str(result)
    assert not result.stale, str(result)


def test_an_update_leaves_postfix_alone(by_hand: ByHand, by_mailfab: SandboxHost) -> None:
    """[updates] has a newer Postfix, without MySQL."""
    by_hand.follow()
    for box in (by_hand.box, by_mailfab):
        newer = box.sh("yum --disableexcludes=all check-update postfix || [ $? -eq 100 ]")
        assert "2:2.6.6-9.el6_10" in newer
        before = box.sh("rpm -q postfix")
        assert "centos.plus" in before
        box.sh("yum -y update")
        assert box.sh("rpm -q postfix") == before
        assert "mysql" in box.sh("postconf -m").split()
        mail = deliveries(box)
        assert "status=sent" in mail.get("from-outside-to-sales", ""), mail


def test_the_comparison_notices(by_hand: ByHand) -> None:
    """Or it would find a server equal to another for want of looking."""
    by_hand.follow()
    before = snapshot(by_hand.box)
    for what, (script, names) in MEDDLING.items():
        by_hand.box.sh(script)
        after = snapshot(by_hand.box)
        found = {f"{d.aspect}: {d.name}" for d in differences(before, after)}
        assert found == names, what
        before = after
