"""What differs between systems: the names of packages, services and files. Data, in this one place.

A platform is chosen by what the survey found on the host: its family and release, its package
manager and init. What a program's configuration may say depends on the version that is installed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fabfile.model.errors import HostError
from fabfile.model.host import Host, Platform


@dataclass(frozen=True)
class PlatformNames:
    """What one family of systems calls things."""

    mail_packages: tuple[str, ...]
    database_packages: tuple[str, ...]
    database_service: str
    database_config: str
    """The file for our options of the database server: a drop-in where there are drop-ins."""
    database_certificate: str
    database_key: str
    dovecot_package: str
    deliver: str
    """Dovecot's local delivery agent."""
    certificate: str
    private_key: str
    ca_folder: str
    """Where a certificate goes that is to be trusted."""
    nologin: str
    postfix: tuple[int, ...]
    """The version that is taken for the one to come, as long as nothing else is known."""
    dovecot: tuple[int, ...]
    root_has_password: bool
    """Whether the database's root logs in with a password, which a new server has not set, and
    not by being root of the machine (MariaDB from 10.4)."""
    selinux_packages: tuple[str, ...] = ()
    """Where semanage(8) comes from."""


DEBIAN = PlatformNames(
    mail_packages=(
        "postfix",
        "postfix-mysql",
        "dovecot-core",
        "dovecot-imapd",
        "dovecot-pop3d",
        "dovecot-mysql",
    ),
    database_packages=("mariadb-server",),
    database_service="mariadb",
    database_config="/etc/mysql/mariadb.conf.d/60-mailfab.cnf",
    database_certificate="/etc/mysql/mailfab-db.pem",
    database_key="/etc/mysql/mailfab-db.key",
    dovecot_package="dovecot-core",
    deliver="/usr/lib/dovecot/dovecot-lda",
    certificate="/etc/ssl/certs/mailfab.pem",
    private_key="/etc/ssl/private/mailfab.key",
    ca_folder="/etc/ssl/certs",
    nologin="/usr/sbin/nologin",
    postfix=(3, 7),
    dovecot=(2, 3),
    root_has_password=False,
)
DEBIAN13 = replace(DEBIAN, postfix=(3, 10), dovecot=(2, 4))

# The guide's own names.
EL6 = PlatformNames(
    mail_packages=("postfix", "dovecot", "dovecot-mysql"),
    database_packages=("mysql-server",),
    database_service="mysqld",
    database_config="/etc/my.cnf",
    database_certificate="/etc/pki/tls/certs/mailfab-db.pem",
    database_key="/etc/pki/tls/private/mailfab-db.key",
    dovecot_package="dovecot",
    deliver="/usr/libexec/dovecot/deliver",
    certificate="/etc/pki/dovecot/certs/dovecot.pem",
    private_key="/etc/pki/dovecot/private/dovecot.pem",
    ca_folder="/etc/pki/tls/certs",
    nologin="/sbin/nologin",
    postfix=(2, 6),
    dovecot=(2, 0),
    root_has_password=True,
    selinux_packages=("policycoreutils-python",),
)
# MariaDB 5.5.
EL7 = replace(
    EL6,
    database_packages=("mariadb-server",),
    database_service="mariadb",
    database_config="/etc/my.cnf.d/zz-mailfab.cnf",
    postfix=(2, 10),
    dovecot=(2, 2),
)
# MariaDB 10.3. Postfix has each kind of table in a package of its own.
EL8 = replace(
    EL7,
    mail_packages=("postfix", "postfix-mysql", "dovecot", "dovecot-mysql"),
    selinux_packages=("policycoreutils-python-utils",),
    postfix=(3, 5),
    dovecot=(2, 3),
)
# MariaDB 10.5.
EL9 = replace(EL8, root_has_password=False)
# No Berkeley DB any more: /etc/aliases needs LMDB (NON_BERKELEYDB_README).
EL10 = replace(EL9, mail_packages=("postfix", "postfix-lmdb", *EL9.mail_packages[1:]))

EL = {6: EL6, 7: EL7, 8: EL8, 9: EL9, 10: EL10}

SURVEYED_PLATFORMS = tuple(
    Platform(family, release, "", init, manager, versions, selinux)
    for family, release, init, manager, versions, selinux in (
        ("debian", "12", "systemd", "apt", {"postfix": "3.7.11", "dovecot-core": "2.3.19"}, ""),
        ("debian", "13", "systemd", "apt", {"postfix": "3.10.5", "dovecot-core": "2.4.1"}, ""),
        ("el", "6", "sysv", "yum", {"postfix": "2.6.6", "dovecot": "2.0.9"}, "enforcing"),
        ("el", "10", "systemd", "dnf", {"postfix": "3.8.5", "dovecot": "2.3.21"}, "enforcing"),
    )
)
"""Platforms whose resources differ in name: what a survey asks before it knows the system."""

VERSIONS = ("apt postfix", "apt dovecot-core", "rpm postfix", "rpm dovecot")
"""The packages whose versions decide what their configuration may say."""

SUPPORTED = "Debian 11, 12 and 13; CentOS 6; RHEL, Alma, Rocky and CentOS Stream 7 to 10"


def names(host: Host) -> PlatformNames:
    """Return what the host's system calls things."""
    system = host.system
    if system.family == "el":
        return EL[system.major]
    return DEBIAN13 if system.major >= 13 else DEBIAN


def postfix_process(host: Host) -> str:
    """Return the unit whose process is Postfix, where Debian's is but an umbrella."""
    umbrella = host.system.family == "debian" and postfix_version(host) < (3, 9)
    return "postfix@-" if umbrella else ""


def postfix_version(host: Host) -> tuple[int, ...]:
    """Return the version of the host's Postfix, or of the one that it will get."""
    return host.system.version("postfix") or names(host).postfix


def dovecot_dialect(host: Host) -> str:
    """Return the version whose configuration syntax the host's Dovecot reads."""
    version = host.system.version(names(host).dovecot_package) or names(host).dovecot
    return "2.4" if version >= (2, 4) else "2.3" if version >= (2, 3) else "2.0"


def supported(host: Host) -> None:
    """Refuse a host whose system mailfab does not know."""
    system = host.system
    known = (
        system.package_manager == "apt" and system.init == "systemd"
        if system.family == "debian"
        else system.family == "el"
        and system.major in EL
        and system.package_manager in ("yum", "dnf")
        and system.init == ("sysv" if system.major == 6 else "systemd")
    )
    if not known:
        raise HostError(
            f"{host.name}: {system.name} with {system.package_manager or 'no package manager'} and "
            f"{system.init} is not a system that mailfab can deploy to",
            f"supported: {SUPPORTED} (docs/platforms.md)",
        )
