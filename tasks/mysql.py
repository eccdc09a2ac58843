"""Guide: "Set up MySQL for Virtual Domains and Users"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fabfile.model.host import Host
from fabfile.model.resource import Resource, Restart
from fabfile.model.section import Secret, section
from fabfile.resources.certificate import SelfSignedCertificate
from fabfile.resources.file import File
from fabfile.resources.ini import IniOption
from fabfile.resources.service import Service
from fabfile.resources.sql import (
    OPEN,
    ROOT,
    Closed,
    Column,
    Database,
    Grant,
    RootPassword,
    SqlAccount,
    Table,
)
from fabfile.resources.template import render
from tasks.platforms import names
from tasks.variables import LOOPBACK, is_password

ADMIN, READER = "mail_admin", "mail_reader"
ADMIN_FILE, READER_FILE = "/root/.mail_admin.cnf", "/root/.mail_reader.cnf"
MAPS = "/etc/postfix/mysql-virtual_domains.cf"

CHECK = """\
PATH=$PATH:/usr/libexec
server=$(command -v mariadbd || command -v mysqld)
"$server" --user=mysql --help --verbose >/dev/null
"""
"""Shell that fails when the database server would not accept its configuration."""

# The host's own files remember both passwords. A host set up by hand has mail_admin's in its maps.
SECRETS = (
    Secret(
        "db_password",
        ((ADMIN_FILE, "password", "user=mail_admin"), (MAPS, "password", "user=mail_admin")),
        is_valid=is_password,
    ),
    Secret(
        "db_lookup_password",
        ((READER_FILE, "password", "user=mail_reader"), (MAPS, "password", "user=mail_reader")),
        is_valid=is_password,
    ),
    # Where root of the database has a password at all; on a host set up by hand it is in there.
    Secret("db_root_password", (("/root/.my.cnf", "password"),)),
)

# Names reach 253 characters and addresses 254 (RFC 5321); the guide's columns are narrower, and
# its password column holds no hash but DES's. 255 three-byte characters fit every key limit.
TABLES = (
    Table("mail", "domains", (Column("domain", 255),), unique="domain"),
    Table(
        "mail",
        "forwardings",
        (Column("source", 255), Column("destination")),
        unique="source",
    ),
    Table("mail", "users", (Column("email", 255), Column("password", 255)), unique="email"),
    Table(
        "mail",
        "transport",
        (Column("domain", 255, default=""), Column("transport", 255, default="")),
        unique="domain",
    ),
)
# In bytes; 0 for no limit. Statements that do not name it, such as the guide's, go on working.
QUOTA = Column("quota", default="0", number=True)


@section("Set up MySQL for Virtual Domains and Users")
def mysql(host: Host) -> Iterator[Resource]:
    """Set up the mail database and its accounts."""
    if host["db_host"] not in LOOPBACK:
        return
    service, config = names(host).database_service, names(host).database_config
    restart = Restart(service, check=CHECK)
    clients = host["db_clients"].split()
    yield IniOption(
        config, "mysqld", "bind-address", "0.0.0.0" if clients else "127.0.0.1", notify=restart
    )
    if clients:
        yield from _tls(host, restart)
    yield Service(service, check=CHECK)
    for what in OPEN:
        if what == ROOT and names(host).root_has_password:
            yield RootPassword(host.secrets["db_root_password"])
        else:
            yield Closed(what)
    yield Database("mail")
    for table in TABLES:
        if table.name == "users" and host.flag("quotas"):
            table = replace(table, columns=(*table.columns, QUOTA))
        yield table
    for file in (ADMIN_FILE, READER_FILE):
        yield File(file, render(file, host), mode="0600", secret=True)
    yield from _accounts(host, clients)


def _accounts(host: Host, clients: list[str]) -> Iterator[Resource]:
    """The administrator's account as in the guide, and one for lookups that can only read.

    127.0.0.1 is there for servers that do not resolve names (skip_name_resolve).
    """
    for user, secret, privileges in (
        (ADMIN, "db_password", ("SELECT", "INSERT", "UPDATE", "DELETE")),
        (READER, "db_lookup_password", ("SELECT",)),
    ):
        password = host.secrets[secret]
        for place in ("localhost", "localhost.localdomain", "127.0.0.1", *clients):
            yield SqlAccount(user, place, password, tls=place in clients)
            yield Grant(user, place, "mail", privileges)


def _tls(host: Host, restart: Restart) -> Iterator[Resource]:
    """A certificate for the database server, which mail hosts check against their db_ca."""
    certificate, key = names(host).database_certificate, names(host).database_key
    config = names(host).database_config
    yield SelfSignedCertificate(certificate, key, host["fqdn"], owner="mysql", notify=restart)
    yield IniOption(config, "mysqld", "ssl-cert", certificate, notify=restart)
    yield IniOption(config, "mysqld", "ssl-key", key, notify=restart)
