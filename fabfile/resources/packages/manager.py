"""The package managers: what installs, upgrades and brings back packages, as shell.

A survey names the package manager of a host; `package_manager` turns the name into one of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fabfile.model import shell
from fabfile.model.system import STATE_DIR

ASK_YUM = shell.program(__file__, "ask_yum.sh")
UNFINISHED = f"{STATE_DIR}/installing"
"""Is there from before apt begins until it has ended well: a run that crashed in between may have
left any package half-way, one of the system's as well, so that apt has to look once more."""


@dataclass(frozen=True)
class Wanted:
    """A package to be installed, and where from."""

    name: str
    preseed: str = ""
    """Answers for debconf, as debconf-set-selections(1) reads them."""
    repository: str = ""
    """A repository of yum's that is off otherwise."""


class PackageManager(Protocol):
    """What a host installs packages with. Times to wait for its lock are in seconds."""

    @property
    def name(self) -> str:
        """Its name, as a survey finds it."""

    @property
    def database(self) -> str:
        """The database of what is installed: `apt` or `rpm`, as keys of the fact begin."""

    def prepare(self, wait: int) -> str:
        """Return shell after which the manager can be called, and waits for its lock."""

    def install(self, packages: Sequence[Wanted], wait: int) -> str:
        """Return shell that installs packages in one transaction."""

    def upgrade(self, wait: int) -> str:
        """Return shell that installs all outstanding updates."""

    def reinstall(self, package: Wanted, wait: int) -> str:
        """Return shell that brings a package's lost files back; empty where there is no way."""


# What package managers say, and what to do about it; the first that fits counts.
REMEDIES = (
    (
        (
            "locked by another",
            "Could not get lock",
            "Unable to acquire",
            "is locked",
            "the lock of yum",
        ),
        "another program is installing packages: wait until it is done "
        "(ps ax | grep -E 'apt|dpkg|yum|dnf'), then run the same command again",
    ),
    (
        (
            "Could not resolve",
            "Failed to fetch",
            "Connection failed",
            "Cannot find a valid baseurl",
            "Cannot retrieve",
            "Failed to download metadata",
        ),
        "the host cannot reach its package sources: look at its network and DNS; those of "
        "CentOS 6 and 7 are in the vault now (vault_url=public, docs/variables.md)",
    ),
    (
        (
            "no installation candidate",
            "Unable to locate package",
            "not installed",
            "No package",
        ),
        "the host's package sources do not have it: look at them (apt-cache policy, yum repolist)",
    ),
)


def package_remedy(log: str) -> str:
    """Return what to do about the output of a package manager; empty for anything else."""
    fitting = (
        remedy
        for complaints, remedy in REMEDIES
        if any(complaint in log for complaint in complaints)
    )
    return next(fitting, "")
