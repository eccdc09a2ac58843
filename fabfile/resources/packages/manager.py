"""The package managers: they return the shell that installs, upgrades and reinstalls packages.

A survey names the host's package manager; `package_manager` returns the object for the name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fabfile.model import shell
from fabfile.model.system import STATE_DIR

ASK_YUM = shell.program(__file__, "ask_yum.sh")
UNFINISHED = f"{STATE_DIR}/installing"
"""A file that exists from the start of apt until its success. After a crash any package may be
half-installed, also one of the system's; while the file exists, no package counts as installed."""


@dataclass(frozen=True)
class Wanted:
    """A package to install, and its repository."""

    name: str
    preseed: str = ""
    """Answers for debconf, as debconf-set-selections(1) reads them."""
    repository: str = ""
    """A repository of yum that is disabled by default; empty for none."""


class PackageManager(Protocol):
    """A program that installs packages. `wait` is the timeout for its lock, in seconds."""

    @property
    def name(self) -> str:
        """The name, as a survey finds it."""

    @property
    def database(self) -> str:
        """The database of installed packages, `apt` or `rpm`: the first word of the fact's keys."""

    def prepare(self, wait: int) -> str:
        """Return shell that defines the manager's function, which waits for the lock."""

    def install(self, packages: Sequence[Wanted], wait: int) -> str:
        """Return shell that installs packages in one transaction."""

    def upgrade(self, wait: int) -> str:
        """Return shell that installs all outstanding updates."""

    def reinstall(self, package: Wanted, wait: int) -> str:
        """Return shell that restores a package's missing files; empty if the manager cannot."""


# Error messages of package managers, and the remedy for each; the first match counts.
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
        "(ps ax | grep -E 'apt|dpkg|yum|dnf'), then run the command again",
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
        "the host cannot reach its package sources: check its network and DNS; those of "
        "CentOS 6 and 7 are in the vault now (vault_url=public, docs/variables.md)",
    ),
    (
        (
            "no installation candidate",
            "Unable to locate package",
            "not installed",
            "No package",
        ),
        "the host's package sources do not have it: check them (apt-cache policy, yum repolist)",
    ),
)


def package_remedy(log: str) -> str:
    """Return the remedy for an error in a package manager's output; empty if there is none."""
    fitting = (
        remedy
        for complaints, remedy in REMEDIES
        if any(complaint in log for complaint in complaints)
    )
    return next(fitting, "")
