"""The guide typed by hand on one server like CentOS 6, mailfab on another, the two compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from fabfile.sandbox.server import Server
from tests.hosts.behaviour import ELSEWHERE, behaviour
from tests.hosts.comparison import differences
from tests.hosts.conftest import Box
from tests.hosts.guide import REPOSITORIES, STEPS, Step
from tests.hosts.guide_texts import ROOT_PASSWORD
from tests.hosts.portrait import Portrait, portrait

SQL = f"mysql -u root -p{ROOT_PASSWORD} -e"
FORWARDING = "INSERT INTO mail.forwardings VALUES ('info@example.com', 'sales@example.com')"

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

    box: Box
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


def bare(server: Box, suffix: str, tmp_path_factory: pytest.TempPathFactory) -> Box:
    """Return a new server like CentOS 6."""
    folder = tmp_path_factory.mktemp(suffix)
    box = Box(Server(f"{server.name}{suffix}", image="el6"), folder / "inventory.ini")
    box.be_bare()
    return box


@pytest.fixture(scope="module")
def by_hand(server: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByHand]:
    """The server for the guide's commands."""
    box = bare(server, "hand", tmp_path_factory)
    yield ByHand(box)
    box.server.down()


def whole(box: Box) -> Portrait:
    """Return what a server has and how it behaves."""
    answers = behaviour(box)
    return portrait(box) | answers


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
    for token in ("from.outside.to.sales", "from.outside.to.info"):
        assert "stored in example.com/sales/Maildir vmail:vmail 600" in mail[token]
    for client in ("IMAP 143 with TLS", "IMAP 993 with TLS"):
        assert found["IMAP"][f"{client} login"] == "OK"
    assert found["POP3"]["POP3 995 with TLS login"] == "+OK Logged in."


def test_the_comparison_notices(by_hand: ByHand) -> None:
    """Or it would find a server equal to another for want of looking."""
    by_hand.follow()
    before = portrait(by_hand.box)
    for what, (script, names) in MEDDLING.items():
        by_hand.box.sh(script)
        after = portrait(by_hand.box)
        found = {f"{d.aspect}: {d.name}" for d in differences(before, after)}
        assert found == names, what
        before = after
