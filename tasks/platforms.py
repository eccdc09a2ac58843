"""The systems that mailfab deploys to, and tables of what differs between them.

A platform is chosen by what the survey found on the host: its distribution and release, its package
manager and init. Each section has the table of the names that it needs beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from fabfile.model.errors import HostError
from fabfile.model.host import Platform, SurveyedHost

T = TypeVar("T")


@dataclass(frozen=True)
class Supported:
    """A row of the table of systems in docs/platforms.md."""

    title: str
    ids: tuple[str, ...]
    """The ID of os-release(5). A derivative has its own, and ID_LIKE does not count."""
    releases: tuple[str, ...]
    """The VERSION_ID, or the number in front of its point."""
    init: str
    managers: tuple[str, ...]

    def has(self, system: Platform) -> bool:
        """Return whether the row is that of a system's ID and release."""
        release = system.release.partition(".")[0] if system.family == "el" else system.release
        return system.distribution in self.ids and release in self.releases


ROWS = (
    Supported("Debian 11, 12 and 13", ("debian",), ("11", "12", "13"), "systemd", ("apt",)),
    Supported(
        "Ubuntu 22.04, 24.04 and 26.04",
        ("ubuntu",),
        ("22.04", "24.04", "26.04"),
        "systemd",
        ("apt",),
    ),
    Supported("CentOS 6", ("centos",), ("6",), "sysv", ("yum", "dnf")),
    Supported("RHEL and CentOS 7", ("rhel", "centos"), ("7",), "systemd", ("yum", "dnf")),
    Supported(
        "RHEL, Alma, Rocky and CentOS Stream 8 to 10",
        ("rhel", "almalinux", "rocky", "centos"),
        ("8", "9", "10"),
        "systemd",
        ("yum", "dnf"),
    ),
)
SUPPORTED = "; ".join(row.title for row in ROWS)

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


@dataclass(frozen=True)
class ByPlatform(Generic[T]):
    """A table of differences between systems: a row for the first release that has it.

    A release without a row of its own has that of the one before it. A distribution without any
    (Ubuntu) has those of its family.
    """

    rows: Mapping[tuple[str, int], T]

    def __call__(self, host: SurveyedHost) -> T:
        """Return the row of a host's system."""
        system = host.system
        kin = [system.distribution, system.family]
        kind = next(name for name in kin if any(name == row for row, _ in self.rows))
        releases = [release for name, release in self.rows if name == kind]
        first = max((r for r in releases if r <= system.major), default=min(releases))
        return self.rows[kind, first]


def require_supported(host: SurveyedHost) -> None:
    """Refuse a host whose system has no row in the table. Raises HostError."""
    system = host.system
    row = next((row for row in ROWS if row.has(system)), None)
    if row and system.init == row.init and system.package_manager in row.managers:
        return
    raise HostError(
        _why_not(system, row),
        f"supported: {SUPPORTED} (docs/platforms.md)",
        host=host.name,
    )


def _why_not(system: Platform, row: Supported | None) -> str:
    """Return why a system cannot be deployed to; `row` is that of its ID and release."""
    if not system.distribution:
        found = f"{system.name[:100]!r}" if system.name else "nothing"
        return (
            f"the system is unknown: /etc/os-release is missing or has no ID (found {found}; "
            "the package base-files of Debian and Ubuntu brings it)"
        )
    release = system.release[:100]
    told = f"ID={system.distribution[:100]}" + (f", VERSION_ID={release}" if release else "")
    name = f"{system.name[:100] or 'the system'} ({told})"
    refused = "is not a system that mailfab can deploy to"
    if row:
        manager = system.package_manager or "no package manager"
        return f"{name} with {manager} and {system.init} {refused}"
    if system.distribution == "debian" and not release:
        return f"{name} {refused}: it is no release (testing or unstable)"
    if system.family and not any(system.distribution in row.ids for row in ROWS):
        other = "Debian or Ubuntu" if system.family == "debian" else "Red Hat"
        return f"{name} {refused}: a derivative of {other} has packages of its own"
    return f"{name} {refused}"
