"""What differs between systems: the names of packages, services and files. Data, in this one place.

A platform is chosen by what the survey found on the host (its package manager, init and family).
"""

from __future__ import annotations

from dataclasses import dataclass

from fabfile.errors import HostError
from fabfile.host import Host, Platform


@dataclass(frozen=True)
class Names:
    """What one family of systems calls things."""

    mail_packages: tuple[str, ...]
    database_packages: tuple[str, ...]
    database_service: str
    database_config: str
    """The file for our one option of the database server: a drop-in where there are drop-ins."""
    database_check: str
    """Shell that fails when the database server would not accept its configuration."""
    dovecot_package: str
    deliver: str
    """Dovecot's local delivery agent."""
    certificate: str
    private_key: str
    nologin: str = "/usr/sbin/nologin"


DEBIAN = Names(
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
    database_check="mariadbd --user=mysql --help --verbose >/dev/null",
    dovecot_package="dovecot-core",
    deliver="/usr/lib/dovecot/dovecot-lda",
    certificate="/etc/ssl/certs/mailfab.pem",
    private_key="/etc/ssl/private/mailfab.key",
)

ASKED = (
    Platform("debian", "12", versions={"dovecot-core": "2.3.19", "postfix": "3.7.11"}),
    Platform("debian", "13", versions={"dovecot-core": "2.4.1", "postfix": "3.10.5"}),
)
"""Platforms whose resources differ in name: what a survey asks before it knows the system."""

VERSIONS = ("postfix", DEBIAN.dovecot_package)
"""The packages whose versions decide what their configuration may say."""

SUPPORTED = "Debian 11, 12 and 13"


def names(host: Host) -> Names:
    """Return what the host's system calls things."""
    return DEBIAN


def postfix_process(host: Host) -> str:
    """Return the unit whose process is Postfix, where postfix.service is but an umbrella."""
    version = host.system.version("postfix")
    return "postfix@-" if version is None or version < (3, 9) else ""


def dovecot_dialect(host: Host) -> str:
    """Return the version whose configuration syntax the host's Dovecot reads."""
    version = host.system.version(names(host).dovecot_package)
    return "2.4" if version is not None and version >= (2, 4) else "2.3"


def supported(host: Host) -> None:
    """Refuse a host whose system mailfab does not know."""
    system = host.system
    if system.family == "debian" and system.package_manager == "apt" and system.init == "systemd":
        return
    raise HostError(
        f"{host.name}: {system.name} with {system.package_manager or 'no package manager'} and "
        f"{system.init} is not a system that mailfab can deploy to",
        f"supported: {SUPPORTED} (docs/platforms.md)",
    )
