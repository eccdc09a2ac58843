"""Guide: "Configure Dovecot"."""

from __future__ import annotations

from collections.abc import Iterator

from fabfile.model.host import Host
from fabfile.model.resource import Resource
from fabfile.model.section import section
from fabfile.resources.file import File, Original
from fabfile.resources.service import Service
from fabfile.resources.template import render
from tasks.passwords import StrongPasswords
from tasks.platforms import dovecot_dialect
from tasks.postfix import certificate, database_ca, open_ports, reload_both, reload_dovecot
from tasks.variables import LOOPBACK


@section("Configure Dovecot")
def dovecot(host: Host) -> Iterator[Resource]:
    """Set up IMAP, POP3, logins and delivery."""
    cert, key = certificate(host)
    yield Original("/etc/dovecot/dovecot.conf", copy="/etc/dovecot/dovecot.conf-backup")
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
    )
    yield Service("dovecot", check=reload_dovecot(host).check)
    yield from open_ports(host, 110, 143, 993, 995)
    if host["db_host"] in LOOPBACK:
        refused = dialect == "2.4" and not host.flag("weak_password_schemes")
        yield StrongPasswords(refused)
