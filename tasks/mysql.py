"""Guide: "Set up MySQL for Virtual Domains and Users"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fabfile.model import shell
from fabfile.model.fact import UNKNOWN, States
from fabfile.model.host import Host, SurveyedHost
from fabfile.model.preflight import Finding
from fabfile.model.resource import Resource, Restart
from fabfile.model.section import CheckGroup, Ports, Secret, section
from fabfile.model.variables import Values, Variable
from fabfile.resources.certificate import SelfSignedCertificate
from fabfile.resources.file import File
from fabfile.resources.ini import IniOption
from fabfile.resources.service import Service
from fabfile.resources.sql.accounts import Grant, RootPassword, SecuredDefault, SqlAccount
from fabfile.resources.sql.client import SQL, sql_remedy
from fabfile.resources.sql.hardening import HARDENINGS, ROOT_WITHOUT_PASSWORD
from fabfile.resources.sql.schema import Column, Database, Table
from fabfile.resources.template import render
from tasks.platforms import ByPlatform
from tasks.server_variables import PORT, server_variables
from tasks.validators import (
    LOOPBACK,
    database_machine,
    is_password,
    local_file,
    machines,
    password,
    password_scheme,
    yes_no,
)


@dataclass(frozen=True)
class DatabaseNames:
    """The names of a system's database server."""

    packages: tuple[str, ...]
    service: str
    config: str
    """The file for our options: a drop-in where there are drop-ins."""
    certificate: str
    key: str
    root_has_password: bool
    """Whether the database's root logs in with a password, which a new server has not set, and
    not by being root of the machine (MariaDB from 10.4)."""


_DEBIAN = DatabaseNames(
    packages=("mariadb-server",),
    service="mariadb",
    config="/etc/mysql/mariadb.conf.d/60-mailfab.cnf",
    certificate="/etc/mysql/mailfab-db.pem",
    key="/etc/mysql/mailfab-db.key",
    root_has_password=False,
)
# The guide's own names.
_EL6 = DatabaseNames(
    packages=("mysql-server",),
    service="mysqld",
    config="/etc/my.cnf",
    certificate="/etc/pki/tls/certs/mailfab-db.pem",
    key="/etc/pki/tls/private/mailfab-db.key",
    root_has_password=True,
)
# MariaDB 5.5; EL 8 has 10.3.
_EL7 = replace(
    _EL6,
    packages=("mariadb-server",),
    service="mariadb",
    config="/etc/my.cnf.d/zz-mailfab.cnf",
)
# MariaDB 10.5.
_EL9 = replace(_EL7, root_has_password=False)
DATABASE_NAMES = ByPlatform(
    {("debian", 11): _DEBIAN, ("el", 6): _EL6, ("el", 7): _EL7, ("el", 9): _EL9}
)

ADMIN, READER = "mail_admin", "mail_reader"
ADMIN_FILE, READER_FILE = "/root/.mail_admin.cnf", "/root/.mail_reader.cnf"
MAPS = "/etc/postfix/mysql-virtual_domains.cf"

CHECK = shell.program(__file__, "check_mysql.sh")
"""Shell that fails if the database server refuses its configuration."""

# The host's own files remember both passwords. A host set up by hand has mail_admin's in its maps.
SECRETS = (
    Secret(
        "db_password",
        ((ADMIN_FILE, "password", "user=mail_admin"), (MAPS, "password", "user=mail_admin")),
        is_valid=is_password,
        validator=password,
        meaning="the password of the database account mail_admin",
    ),
    Secret(
        "db_lookup_password",
        ((READER_FILE, "password", "user=mail_reader"), (MAPS, "password", "user=mail_reader")),
        is_valid=is_password,
        validator=password,
        meaning="the password of the read-only account that Postfix and Dovecot use",
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


VARIABLES = (
    Variable("db_host", database_machine, "127.0.0.1", "where the database is"),
    Variable("db_ca", local_file, None, "a PEM file here that proves a database on another host"),
    Variable("db_clients", machines, "", "mail hosts that may use this host's database, over TLS"),
    Variable("password_scheme", password_scheme, "SHA512-CRYPT", "what new passwords become"),
    Variable("quotas", yes_no, "no", "limits of mailboxes, which user.quota sets"),
)


def proof_of_a_database_elsewhere(values: Values) -> Iterator[str]:
    """Yield what a database on another machine needs, and the inventory has not."""
    if values.checked.get("db_host") in (*LOOPBACK, None):
        return
    if "db_ca" not in values.given:
        yield (
            "db_host is another machine, so db_ca must name a PEM file here that proves who "
            "answers there (docs/database.md)"
        )
    for secret in SECRETS:
        if secret.validator and secret.name not in values.given:
            yield (
                f"db_host is another machine, so {secret.name} must be set: it is made where the "
                "database is"
            )


def is_local(host: Host) -> bool:
    """Whether the database is on the host itself."""
    return host["db_host"] in LOOPBACK


def packages(host: SurveyedHost) -> tuple[str, ...]:
    """Return the packages of the database server."""
    return DATABASE_NAMES(host).packages if is_local(host) else ()


def ports(host: Host) -> Ports:
    """Return who listens on the database's port."""
    return {PORT: ("mariadbd", "mysqld")} if is_local(host) else {}


def findings(states: States) -> Iterator[Finding]:
    """Yield what preflight says about a database server that runs: that root can log in."""
    state = states.get((SQL.name, UNKNOWN))
    if state and state["final"]:
        reason = str(state["reason"])
        yield Finding("database", reason, sql_remedy(reason))
    elif any(fact == SQL.name for fact, _ in states) and not state:
        yield Finding("database", "its root can log in")


@section(
    "Set up MySQL for Virtual Domains and Users",
    variables=VARIABLES,
    rules=(proof_of_a_database_elsewhere,),
    secrets=SECRETS,
    ports=ports,
    packages=packages,
    checks=(CheckGroup("MySQL", "tasks.verify.mysql:probes", 20),),
    commands={
        "domain": "tasks.accounts.domains:collection",
        "user": "tasks.accounts.users:collection",
        "forwarding": "tasks.accounts.forwardings:collection",
        "transport": "tasks.accounts.transports:collection",
        "accounts": "tasks.accounts.commands:collection",
    },
)
def mysql(host: SurveyedHost) -> Iterator[Resource]:
    """Set up the mail database and its accounts."""
    if not is_local(host):
        return
    service, config = DATABASE_NAMES(host).service, DATABASE_NAMES(host).config
    restart = Restart(service, check=CHECK)
    clients = host["db_clients"].split()
    # Other hosts come in with TLS and accounts of their own; the firewall stays closed.
    address = "0.0.0.0" if clients else "127.0.0.1"  # noqa: S104
    yield IniOption(config, "mysqld", "bind-address", address, notify=restart)
    if clients:
        yield from _tls(host, restart)
    yield Service(service, check=CHECK)
    yield from server_variables(restart, clients, address, f"{config} [mysqld]")
    for hardening in HARDENINGS:
        if hardening is ROOT_WITHOUT_PASSWORD and DATABASE_NAMES(host).root_has_password:
            yield RootPassword(host.secrets["db_root_password"])
        else:
            yield SecuredDefault(hardening)
    yield Database("mail")
    for table in TABLES:
        if table.name == "users" and host.flag("quotas"):
            yield replace(table, columns=(*table.columns, QUOTA))
        else:
            yield table
    for file in (ADMIN_FILE, READER_FILE):
        yield File(file, render(file, host), mode="0600", secret=True)
    yield from _accounts(host, clients)


def _accounts(host: SurveyedHost, clients: list[str]) -> Iterator[Resource]:
    """Yield the administrator's account as in the guide, and one for lookups that can only read.

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


def _tls(host: SurveyedHost, restart: Restart) -> Iterator[Resource]:
    """Yield a certificate for the database server, which mail hosts check against their db_ca."""
    names = DATABASE_NAMES(host)
    certificate, key, config = names.certificate, names.key, names.config
    yield SelfSignedCertificate(certificate, key, host["fqdn"], owner="mysql", notify=restart)
    yield IniOption(config, "mysqld", "ssl-cert", certificate, notify=restart)
    yield IniOption(config, "mysqld", "ssl-key", key, notify=restart)
