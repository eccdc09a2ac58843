"""The systems that mailfab deploys to, and tables of what differs between them.

A platform is chosen by what the survey found on the host: its family and release, its package
manager and init. Each section has the table of the names that it needs beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from fabfile.model.errors import HostError
from fabfile.model.host import Platform, SurveyedHost

T = TypeVar("T")

EL_RELEASES = (6, 7, 8, 9, 10)

SURVEYED_PLATFORMS = tuple(
    Platform(family, release, "", init, manager, versions, selinux)
    for family, release, init, manager, versions, selinux in (
        ("debian", "12", "systemd", "apt", {"postfix": "3.7.11", "dovecot-core": "2.3.19"}, ""),
        ("debian", "13", "systemd", "apt", {"postfix": "3.10.5", "dovecot-core": "2.4.1"}, ""),
        ("el", "6", "sysv", "yum", {"postfix": "2.6.6", "dovecot": "2.0.9"}, "enforcing"),
        ("el", "10", "systemd", "dnf", {"postfix": "3.8.5", "dovecot": "2.3.21"}, "enforcing"),
    )
)
"""Platforms whose resources differ in name. A survey asks for all before it knows the system."""

SUPPORTED = "Debian 11, 12 and 13; CentOS 6; RHEL, Alma, Rocky and CentOS Stream 7 to 10"


@dataclass(frozen=True)
class ByPlatform(Generic[T]):
    """A table of differences between systems: a row for the first release that has it.

    A release without a row of its own has that of the one before it.
    """

    rows: Mapping[tuple[str, int], T]

    def __call__(self, host: SurveyedHost) -> T:
        """Return the row of a host's system."""
        system = host.system
        releases = [release for family, release in self.rows if family == system.family]
        first = max((r for r in releases if r <= system.major), default=min(releases))
        return self.rows[system.family, first]


def require_supported(host: SurveyedHost) -> None:
    """Refuse a host whose system mailfab does not know."""
    system = host.system
    known = (
        system.package_manager == "apt" and system.init == "systemd"
        if system.family == "debian"
        else system.family == "el"
        and system.major in EL_RELEASES
        and system.package_manager in ("yum", "dnf")
        and system.init == ("sysv" if system.major == EL_RELEASES[0] else "systemd")
    )
    if not known:
        raise HostError(
            f"{system.name} with {system.package_manager or 'no package manager'} and "
            f"{system.init} is not a system that mailfab can deploy to",
            f"supported: {SUPPORTED} (docs/platforms.md)",
            host=host.name,
        )
