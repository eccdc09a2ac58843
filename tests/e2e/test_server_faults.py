"""Verify fails on servers with one broken setting, and names it. On a real, deployed host.

The first two are the guide's own errors, with which all of the guide's own tests pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from fabfile.fleet.host_connection import HostConnection
from fabfile.report.check import Check, Outcome
from tasks.verify import ehlo
from tasks.verify.examination import run
from tests.e2e.conftest import SandboxHost
from tests.e2e.server_faults import (
    COOL,
    DOVECOT,
    OTHER,
    OTHER_KEY,
    apply,
    certificate,
    forget,
    keep,
    on,
    repair,
    without_penalty,
)
from tests.e2e.systems import System

MASTER = "/etc/postfix/master.cf"
UNDELIVERED = "A message is delivered"


@dataclass(frozen=True)
class Case:
    """One thing broken, the services restarted for it, and the one check that must fail for it."""

    name: str
    breaks: str | Callable[[str], str]
    """Shell in the words of systems.py, or what makes it from the host's full name."""
    restart: str
    fails: str
    """The check that fails; all others pass, or say that it was not reached for this one."""
    seen: str = ""
    """What the failure must have seen: the log's own words where a log has some."""

    def __str__(self) -> str:
        return self.name


def postconf(*settings: str) -> str:
    return "postconf -e " + " ".join(f'"{setting}"' for setting in settings)


def edit(path: str, *expressions: str) -> str:
    """Edit a file with sed, and make sure that this has changed it."""
    script = " ".join(f'-e "{expression}"' for expression in expressions)
    return f"cp {path} /root/before\nsed -i {script} {path}\n! cmp -s {path} /root/before"


CASES = (
    Case(
        "guide: a < before Postfix's certificate and key",
        postconf(
            "smtpd_tls_cert_file = <$certificate",
            "smtpd_tls_key_file = <$private_key",
        ),
        "postfix",
        "Port 465 answers",
        "cannot get",
    ),
    Case(
        "guide: <'@'> in the mailboxes map",
        edit("/etc/postfix/mysql-virtual_mailboxes.cf", "s/'@'/<'@'>/g"),
        "postfix",
        "Postfix looks up mailboxes",
        "SQL syntax",
    ),
    Case(
        "no virtual domains",
        postconf("virtual_mailbox_domains ="),
        "postfix",
        "Postfix looks up domains",
    ),
    Case(
        "a wrong table for domains",
        edit("/etc/postfix/mysql-virtual_domains.cf", "s/FROM domains/FROM domain/"),
        "postfix",
        "Postfix looks up domains",
        "doesn't exist",
    ),
    Case(
        "forwardings asked with a wrong column",
        edit("/etc/postfix/mysql-virtual_forwardings.cf", "s/WHERE source/WHERE sources/"),
        "postfix",
        "Postfix looks up forwardings",
        "Unknown column",
    ),
    Case(
        "forwardings not looked up",
        postconf("virtual_alias_maps = proxy:mysql:/etc/postfix/mysql-virtual_email2email.cf"),
        "postfix",
        "Postfix looks up forwardings",
    ),
    Case(
        "no mail for the server's own name",
        postconf("mydestination = localhost"),
        "postfix",
        "Strangers can write to postmaster@{fqdn}",
        "Relay access denied",
    ),
    Case(
        "an open relay through mynetworks",
        postconf("mynetworks = 0.0.0.0/0 [::]/0"),
        "postfix",
        "A stranger cannot relay",
    ),
    Case(
        "an open relay through restrictions",
        postconf(
            "smtpd_relay_restrictions = check_client_access static:OK, reject_unauth_destination",
            "smtpd_recipient_restrictions = check_client_access static:OK, reject",
        ),
        "postfix",
        "A stranger cannot relay",
    ),
    Case(
        "an open submission port",
        edit(
            MASTER,
            "s/restrictions=permit_sasl_authenticated,reject/restrictions=check_client_access,static:OK,reject/",
        ),
        "postfix",
        "Port 587 sends nothing without a login",
    ),
    Case(
        "logins before TLS",
        postconf("smtpd_tls_auth_only = no"),
        "postfix",
        "Port 25 takes no passwords before TLS",
    ),
    Case(
        "logins before TLS on port 587",
        edit(
            MASTER,
            "s/security_level=encrypt/security_level=may/",
            "s/auth_only=yes/auth_only=no/",
        ),
        "postfix",
        "Port 587 does nothing before TLS",
    ),
    Case(
        "no logins over SMTP",
        postconf("smtpd_sasl_auth_enable = no"),
        "postfix",
        "AUTH PLAIN is offered on port 25 under TLS",
    ),
    Case(
        "another message size",
        postconf("message_size_limit = 10240000"),
        "postfix",
        "EHLO on port 25 offers what the guide lists",
    ),
    Case(
        "VRFY for strangers",
        postconf("disable_vrfy_command = no"),
        "postfix",
        "EHLO on port 25 offers what the guide lists",
        "not as expected: no VRFY",
    ),
    Case(
        "Postfix closed to other machines",
        postconf("inet_interfaces = loopback-only"),
        "postfix",
        "The ports are open to other machines",
    ),
    Case(
        "no delivery service in master.cf",
        "postconf -MX dovecot/unix",
        "postfix",
        UNDELIVERED,
    ),
    Case(
        "a delivery agent that is not there",
        edit(MASTER, "s,argv=[^ ]*/dovecot/[^ ]* ,argv=/no/such/agent ,"),
        "postfix",
        UNDELIVERED,
    ),
    Case(
        "Postfix shows another certificate",
        lambda fqdn: (
            certificate(fqdn, 100, OTHER, OTHER_KEY)
            + "\n"
            + postconf(f"smtpd_tls_cert_file = {OTHER}", f"smtpd_tls_key_file = {OTHER_KEY}")
        ),
        "postfix",
        "postfix shows the configured certificate",
    ),
    Case(
        "Dovecot shows another certificate",
        lambda fqdn: (
            certificate(fqdn, 100, OTHER, OTHER_KEY)
            + "\n"
            + edit(
                DOVECOT,
                f"s,$certificate,{OTHER},",
                f"s,$private_key,{OTHER_KEY},",
            )
        ),
        "dovecot",
        "dovecot shows the configured certificate",
    ),
    Case(
        "a certificate for another name",
        lambda _: certificate("mail.example.org", 100),
        "postfix dovecot",
        "The certificate is for {fqdn}",
        "Hostname mismatch",
    ),
    Case(
        "an expired certificate",
        lambda fqdn: certificate(fqdn, -3),
        "postfix dovecot",
        "The certificate is valid for 14 days more",
        "expired on",
    ),
    Case(
        "a certificate that expires soon",
        lambda fqdn: certificate(fqdn, 5),
        "postfix dovecot",
        "The certificate is valid for 14 days more",
        "4 days left",
    ),
    Case("Dovecot down", "stop dovecot", "", "dovecot runs"),
    Case("Postfix down", "stop postfix", "", "postfix runs"),
    Case(
        "the database down",
        "stop $database",
        "",
        "{database} runs",
    ),
    Case(
        "a wrong password of the database in Dovecot",
        edit("/etc/dovecot/dovecot-sql.conf.ext", "s/password *= *[^ ]*/password=wrong/"),
        "dovecot",
        "The right password is accepted on port 25",
        "Access denied for user",
    ),
    Case(
        "Dovecot takes any password",
        edit(
            DOVECOT,
            "/^passdb/,/^}/{s/driver = sql/driver = static/;s,args = .*,args = nopassword=y,}",
            "s/^!include_try .*/passdb static {\\nfields {\\nnopassword = yes\\n}\\n}/",
        ),
        "dovecot",
        "A wrong password is refused on port 587",
    ),
    Case(
        "mail stored elsewhere",
        edit(DOVECOT, "/^mail_/s,/Maildir,/Mail,"),
        "dovecot",
        UNDELIVERED,
    ),
    Case(
        "no namespace INBOX.",
        edit(DOVECOT, "s/prefix = INBOX[.]/prefix =/"),
        "dovecot",
        "IMAP fetches the message",
        "the namespace is",
    ),
    Case(
        "no POP3",
        edit(
            DOVECOT,
            "s/protocols = imap pop3/protocols = imap/",
            "/pop3 = yes/d",
        ),
        "dovecot",
        "Port 110 answers",
    ),
    Case(
        "no socket for logins over SMTP",
        edit(DOVECOT, "s,private/auth ,private/other ,"),
        "dovecot",
        "Port 465 answers",
        "SASL",
    ),
    Case(
        "a delivery log that cannot be written",
        "chown root:root /home/vmail/dovecot-deliver.log",
        "",
        UNDELIVERED,
    ),
    Case(
        "the database open to the world",
        edit("$database_config", "s/127.0.0.1/0.0.0.0/"),
        "$database",
        "The database listens only where it should",
        "0.0.0.0 port 3306",
    ),
    Case(
        "mail for root goes to another user",
        edit("/etc/aliases", "s/^root:.*/root: nobody/") + "\nnewaliases",
        "",
        "Mail for root goes to {postmaster}",
    ),
    Case(
        "an alias database older than its file",
        edit("/etc/aliases", "s/^postmaster:.*/postmaster: nobody/")
        + "\nnewaliases\n"
        + edit("/etc/aliases", "s/^postmaster:.*/postmaster: root/"),
        "",
        "Mail for postmaster goes to root",
    ),
    Case(
        "a postmaster without a mailbox",
        "sql \"INSERT INTO domains VALUES ('$domain')\" mail",
        "",
        "{postmaster} exists",
        "User unknown",
    ),
    Case(
        "Postfix not started at boot",
        "disable postfix",
        "",
        "postfix starts at boot",
    ),
    Case(
        "Dovecot not started at boot",
        "disable dovecot",
        "",
        "dovecot starts at boot",
    ),
    Case(
        "the database not started at boot",
        "disable $database",
        "",
        "{database} starts at boot",
    ),
)


def cases(system: System) -> Sequence[Case]:
    """All of them on every system."""
    return CASES


@pytest.fixture(scope="module")
def kept(server: SandboxHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHost]:
    """The deployed server, of which everything is kept that the cases break."""
    server.be_deployed()
    with without_penalty(tmp_path_factory.mktemp("own") / "templates"):
        keep(server)
        yield server
        repair(server)
        forget(server)
    on(server, "stop dovecot")
    server.converge()


@pytest.fixture(scope="module")
def c(kept: SandboxHost) -> Iterator[HostConnection]:
    with kept.connect() as connection:
        yield connection


def failures(c: HostConnection) -> list[Check]:
    """Return the checks that failed."""
    return [check for check in run(c) if check.outcome is Outcome.FAILED]


def filled(name: str, box: SandboxHost) -> str:
    """Return the name of a check with what it says in braces."""
    return name.format(
        fqdn=box.fqdn,
        postmaster=f"postmaster@{box.domain}",
        database=box.system.database.service,
    )


def test_verify_names_the_cause_once_and_its_remedy_works(
    kept: SandboxHost, c: HostConnection, case: Case
) -> None:
    breaks = case.breaks if isinstance(case.breaks, str) else case.breaks(kept.fqdn)
    try:
        on(kept, f"domain={kept.domain}\n{breaks}\n{COOL}")
        if case.restart:
            on(kept, f"restart {case.restart}")
        with pytest.MonkeyPatch.context() as patch:
            # Nothing broken comes right by being waited for.
            patch.setattr(ehlo, "RECONNECT_SECONDS", 0)
            found = failures(c)
        assert [check.name for check in found] == [filled(case.fails, kept)], found
        assert case.seen in found[0].seen, found
        apply(found[0].remedy, kept, c)
        assert failures(c) == []
    finally:
        repair(kept, f"{breaks} {case.restart}")
        if "INSERT" in breaks:
            on(kept, f"sql \"DELETE FROM domains WHERE domain = '{kept.domain}'\" mail")
            on(kept, f"sql \"DELETE FROM users WHERE email LIKE '%@{kept.domain}'\" mail")


def test_a_mended_server_passes(c: HostConnection) -> None:
    """Comes last in this file: what was put back is whole."""
    assert failures(c) == []


LEFT = """\
sql "SELECT domain FROM domains WHERE domain LIKE 'mailfab-verify-%'
    UNION SELECT email FROM users WHERE email LIKE '%mailfab-verify-%'
    UNION SELECT source FROM forwardings WHERE source LIKE '%mailfab-verify-%'" mail
find /home/vmail -mindepth 1 -maxdepth 1 -name 'mailfab-verify-*' -printf '%f\\n'
postqueue -p | grep -o 'mailfab-verify-[^ ]*' || :
"""


def test_nothing_stays_behind_not_even_of_a_run_that_died(
    kept: SandboxHost, c: HostConnection
) -> None:
    old, fresh = (f"mailfab-verify-{int(time.time()) - age:08x}abcd.invalid" for age in (7200, 60))
    rows = "".join(
        f"INSERT INTO domains VALUES ('{name}');"
        f"INSERT INTO users VALUES ('imap@{name}', 'x');"
        f"INSERT INTO forwardings VALUES ('forward@{name}', 'imap@{name}');"
        for name in (old, fresh)
    )
    folders = f"/home/vmail/{old}/imap/Maildir/new /home/vmail/{fresh}"
    before = set(on(kept, LEFT).split())
    on(kept, f'sql "{rows}" mail\nmkdir -p {folders}')
    try:
        assert failures(c) == []
        left = set(on(kept, LEFT).split())
    finally:
        for table, column in (("domains", "domain"), ("users", "email"), ("forwardings", "source")):
            on(kept, f"sql \"DELETE FROM {table} WHERE {column} LIKE '%{fresh}'\" mail")
        on(kept, f"rm -rf /home/vmail/{fresh}")
    # Another run may be using the fresh one.
    assert left - before == {fresh, f"imap@{fresh}", f"forward@{fresh}"}
