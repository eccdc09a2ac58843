"""How to break each kind of resource by hand, and what else differs because of it.

The scripts are in the words of systems.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fabfile.model.resource import Resource
from fabfile.resources.account import Group, User
from fabfile.resources.certificate import SelfSignedCertificate
from fabfile.resources.file import BackupCopy, Directory, File
from fabfile.resources.firewall import OpenPort
from fabfile.resources.ini import IniOption
from fabfile.resources.packages.package import Package
from fabfile.resources.repository import Exclusion
from fabfile.resources.service import Service
from fabfile.resources.sql.accounts import Grant, RootPassword, SecuredDefault, SqlAccount
from fabfile.resources.sql.schema import Database, Table
from fabfile.resources.sql.settings import ServerVariable
from tasks.centosplus import LookupType
from tasks.guide import GUIDE
from tasks.resources.alias import ALIASES, Alias, AliasDatabase
from tasks.resources.in_force import Advice, HarmlessParameter
from tasks.resources.password_hashes import StrongPasswords
from tasks.resources.postconf import MainFile, MasterFile, MasterService, PostconfParameter
from tasks.resources.transports import OldTransports, WildcardTransport
from tests.e2e.systems import System

OPEN = {
    "anonymous accounts": "CREATE USER ''@'localhost'",
    "remote root": "CREATE USER 'root'@'%' IDENTIFIED BY 'x'",
    "test database": "CREATE DATABASE test",
    "root without password": "CREATE USER 'root'@'127.0.0.1' IDENTIFIED BY ''",
}


@dataclass(frozen=True)
class DriftCase:
    """Shell that breaks one resource, and the titles of all that then differ.

    `perhaps` differ too, as the scripts of a removed package leave it; installing restores them.
    """

    section: str
    resource: Resource
    how: str
    script: str
    also: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()

    @property
    def titles(self) -> set[str]:
        return {self.resource.title, *self.also}

    def __str__(self) -> str:
        return f"{self.section}: {self.resource.title} ({self.how})"


def drift_cases(system: System) -> Iterator[DriftCase]:
    """Yield every way to break every resource of every section."""
    host = system.host
    services = tuple(f"Service {s}" for s in ("postfix", "dovecot", system.database.service))
    for section in GUIDE.sections:
        resources = section(host)
        for resource in resources:
            if not can_drift(resource, system):
                continue
            for how, script, also in ways(resource, resources):
                perhaps = services if isinstance(resource, Package | LookupType) else ()
                yield DriftCase(section.name, resource, how, script, also, perhaps)


def can_drift(resource: Resource, system: System) -> bool:
    """Return whether there is anything to break: a firewall, and not what can only warn."""
    if isinstance(resource, OpenPort):
        return system.firewall
    if isinstance(resource, ServerVariable):
        # The other variables differ in their names alone, and each restart takes seconds.
        return resource.variable == "skip_networking"
    only_warn = StrongPasswords | Advice | OldTransports | WildcardTransport
    return not isinstance(resource, only_warn)


def ways(  # noqa: C901, PLR0912, PLR0915
    resource: Resource, all_of_section: list[Resource]
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield how, the shell, and what else differs."""
    match resource:
        case Package(name=name):
            yield "removed", f"uninstall {name}", ()
        case Exclusion(path=path, repository=repository):
            lines = f"/^.{repository}]/,/^$/"
            yield "gone", f"sed -i '{lines}{{/^exclude/d}}' {path}", ()
            yield "another", f"sed -i '{lines}s/^exclude.*/exclude=kernel*/' {path}", ()
        case OpenPort(port=port):
            rules = "/etc/sysconfig/iptables"
            yield "closed now", f"iptables -I INPUT -p tcp --dport {port} -j DROP", ()
            yield "closed at the next boot", f"sed -i '/--dport {port} /d' {rules}", ()
        case LookupType():
            other = "yum -y --disableexcludes=all install postfix"
            yield "another Postfix", f"uninstall postfix; {other}; ! postconf -m | grep mysql", ()
        case ServerVariable(variable=variable):
            yield (
                "stale",
                "cp -p $database_config /root/stale\n"
                f"printf '[mysqld]\\n{variable}=ON\\n' >>$database_config\n"
                "restart $database; cp -p /root/stale $database_config",
                (),
            )
        case RootPassword():
            yield "none", "sql \"SET PASSWORD FOR root@localhost = PASSWORD('')\"", ()
        case File(path="/root/.mail_reader.cnf" as path):
            yield "content", f"echo '# meddled' >>{path}", ()
            yield "mode", f"chmod 0604 {path}", ()
            yield "gone", f"rm {path}", ()
        case File(path="/root/.mail_admin.cnf" as path):
            # The only place that has the password: a new one is made.
            accounts = tuple(
                r.title
                for r in all_of_section
                if isinstance(r, SqlAccount) and r.user == "mail_admin"
            )
            yield "gone", f"rm {path}", accounts
            yield "mode", f"chmod 0604 {path}", ()
        case File(path=path):
            yield "content", f"echo '# meddled' >>{path}", ()
            yield "mode", f"chmod 0604 {path}", ()
            yield "owner", f"chown daemon:daemon {path}", ()
            yield "gone", f"rm {path}", ()
        case Directory(path=path):
            yield "mode", f"chmod 0777 {path}", ()
            yield "owner", f"chown daemon:daemon {path}", ()
        case BackupCopy(copy=copy):
            yield "gone", f"rm {copy}", ()
        case SelfSignedCertificate(certificate=certificate, private_key=key):
            yield "gone", f"rm {certificate}", ()
            yield "another key", f"openssl genrsa -out {key} 2048", ()
            yield "readable key", f"chmod 0644 {key}", ()
        case Group(name=name):
            yield (
                "number",
                f"groupmod -g 5999 {name}; usermod -g {name} {name}",
                ("User vmail", "Directory /home/vmail"),
            )
        case User(name=name):
            yield "shell", f"usermod -s /bin/sh {name}", ()
            yield "home", f"usermod -d /tmp {name}", ()
        case MainFile(key=path) | MasterFile(key=path):
            kind_within = PostconfParameter if isinstance(resource, MainFile) else MasterService
            within = [r for r in all_of_section if isinstance(r, kind_within) and r.desired()]
            also = tuple(r.title for r in within)
            yield "gone", f"rm {path}", also
            yield "empty", f": >{path}", also
        case PostconfParameter(name=name, value=None):
            yield "set", f"postconf -e '{name} = 1'", ()
        case PostconfParameter(name=name):
            yield "changed", f"postconf -e '{name} = meddled'", ()
        case HarmlessParameter(name="smtpd_tls_wrappermode" as name):
            yield "harmful", f"postconf -e '{name} = yes'", ()
        case HarmlessParameter(name=name, value=None):
            yield "harmful", f"postconf -e '{name} = /etc/x.pem'", ()
        case HarmlessParameter(name=name):
            yield "harmful", f"postconf -e '{name} = 1'", ()
        case MasterService(name=name, type=kind):
            yield "gone", f"postconf -MX {name}/{kind}", ()
            yield "chrooted", f"postconf -F {name}/{kind}/chroot=y", ()
        case Service(name=name, process=process):
            yield "stopped", f"stop {process or name}", ()
            yield "disabled", f"disable {name}", ()
        case IniOption(path=path, option=option):
            yield "changed", f"sed -i 's/^{option}.*/{option} = ::1/' {path}", ()
            yield "gone", f"sed -i '/^{option}/d' {path}", ()
        case SecuredDefault(hardening=hardening):
            yield "opened", f'sql "{OPEN[hardening.name]}"', ()
        case Database(name=name):
            tables = tuple(r.title for r in all_of_section if isinstance(r, Table))
            yield "dropped", f"sql 'DROP DATABASE {name}'", tables
        case Table(database=database, name=name, columns=columns):
            first = columns[0].name
            table = f"{database}.{name}"
            yield "dropped", f"sql 'DROP TABLE {table}'", ()
            yield (
                "narrowed",
                f"sql 'ALTER TABLE {table} MODIFY {first} varchar(20) NOT NULL'",
                (),
            )
            yield "without key", f"sql 'ALTER TABLE {table} DROP PRIMARY KEY'", ()
        case SqlAccount(user=user, host=host):
            who = f"'{user}'@'{host}'"
            grants = tuple(
                r.title
                for r in all_of_section
                if isinstance(r, Grant) and (r.user, r.host) == (user, host)
            )
            yield "dropped", f'sql "DROP USER {who}"', grants
            yield "password", f"sql \"SET PASSWORD FOR {who} = PASSWORD('x')\"", ()
            yield "tls", f'sql "GRANT USAGE ON *.* TO {who} REQUIRE SSL"', ()
        case Grant(user=user, host=host):
            who = f"'{user}'@'{host}'"
            yield "revoked", f'sql "REVOKE SELECT ON mail.* FROM {who}"', ()
            yield "too much", f'sql "GRANT DROP ON mail.* TO {who}"', ()
        case Alias(name=name):
            database = f"AliasDatabase {ALIASES}"
            yield "changed", f"sleep 0.01; sed -i 's/^{name}:.*/{name}: x/' {ALIASES}", (database,)
            yield "gone", f"sleep 0.01; sed -i '/^{name}:/d' {ALIASES}", (database,)
        case AliasDatabase(path=path):
            yield "gone", f"rm {path}.db", ()
        case _:
            raise AssertionError(f"no way to break a {type(resource).__name__}: add one")
