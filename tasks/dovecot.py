"""Guide: "Configure Dovecot"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fabfile.model.host import SurveyedHost
from fabfile.model.resource import Resource
from fabfile.model.section import CheckGroup, Ports, section
from fabfile.model.variables import Variable
from fabfile.resources.file import BackupCopy, File
from fabfile.resources.service import Service
from fabfile.resources.template import render
from tasks.firewall import open_ports
from tasks.mysql import is_local
from tasks.platforms import ByPlatform
from tasks.resources.password_hashes import StrongPasswords
from tasks.services import dovecot_dialect, reload_both, reload_dovecot
from tasks.tls import certificate, database_ca
from tasks.validators import yes_no

VARIABLES = (
    Variable(
        "weak_password_schemes",
        yes_no,
        "no",
        "let Dovecot 2.4 take DES and MD5 hashes, until their users have a new password",
    ),
)
PACKAGES = ByPlatform(
    {
        ("debian", 11): ("dovecot-core", "dovecot-imapd", "dovecot-pop3d", "dovecot-mysql"),
        ("el", 6): ("dovecot", "dovecot-mysql"),
    }
)
PORTS: Ports = dict.fromkeys((110, 143, 993, 995), ("dovecot",))

TWO_FOUR = re.compile(r"(?m)^\s*dovecot_config_version\s*=")
"""The setting that a configuration of Dovecot 2.4 must begin with, and that no older one knows."""


def _other_dialect(present: str, dialect: str) -> bool:
    """Return whether a dovecot.conf is written in a syntax that `dialect` does not read."""
    return bool(present.strip()) and bool(TWO_FOUR.search(present)) != (dialect == "2.4")


@section(
    "Configure Dovecot",
    variables=VARIABLES,
    ports=PORTS,
    packages=PACKAGES,
    versions=("apt dovecot-core", "rpm dovecot"),
    checks=(CheckGroup("Test the Mailbox", "tasks.verify.mailboxes:probes", 80),),
)
def dovecot(host: SurveyedHost) -> Iterator[Resource]:
    """Set up IMAP, POP3, logins and delivery."""
    cert, key = certificate(host)
    yield BackupCopy("/etc/dovecot/dovecot.conf", copy="/etc/dovecot/dovecot.conf-backup")
    dialect = dovecot_dialect(host)
    sql = render(
        f"/etc/dovecot/dovecot-sql-{dialect}.conf.ext",
        host,
        ca=database_ca(host),
    )
    yield File(
        "/etc/dovecot/dovecot-sql.conf.ext",
        sql,
        group="dovecot",
        mode="0640",
        secret=True,
        notify=reload_both(host),
    )
    yield File(
        "/etc/dovecot/dovecot.conf",
        render(f"/etc/dovecot/dovecot-{dialect}.conf", host, tls_cert=cert, tls_key=key),
        notify=reload_both(host),
        reason=f"the Dovecot of the host reads the syntax of {dialect}",
        reason_applies=lambda present: _other_dialect(present, dialect),
    )
    yield Service("dovecot", check=reload_dovecot(host).check)
    yield from open_ports(host, *PORTS)
    if is_local(host):
        refused = dialect == "2.4" and not host.flag("weak_password_schemes")
        yield StrongPasswords(refused)
