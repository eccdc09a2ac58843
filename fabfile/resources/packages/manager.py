"""The package managers: they return the shell that installs, upgrades and reinstalls packages.

A survey names the host's package manager; `package_manager` returns the object for the name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fabfile.model import shell
from fabfile.model.system import STATE_DIR

ASK_YUM = shell.program(__file__, "ask_yum.sh")
LOCKED = (
    "locked by another",
    "Could not get lock",
    "Unable to acquire",
    "is locked",
    "the lock of yum",
)
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


YUM_SOURCES = ("Cannot find a valid baseurl", "Cannot retrieve", "Failed to download metadata")
HELD_BY = re.compile(r"held by process (\d+) \(([^)\n]*)\)")
NOT_FETCHED = re.compile(r"(?m)^[EW]: Failed to fetch (\S+)\s+(.*)")
HELD_PACKAGES = re.compile(r"The following held packages will be changed:\n((?: .*\n?)+)")
UNFINISHED_PACKAGES = re.compile(r"Errors were encountered while processing:\n (\S+)")
NO_CANDIDATE = ("no installation candidate", "Unable to locate package", "No package")
"""Error messages of package managers."""


def package_remedy(log: str) -> str:
    """Return the remedy for an error in a package manager's output; empty if there is none."""
    if found := HELD_BY.search(log):
        number, name = found[1], found[2].strip() or "a program that has ended"
        return (
            f"process {number} ({name[:100]}) is installing packages: wait until it is done, or "
            f"look at it (ps -fp {number}); then run the command again"
        )
    if any(word in log for word in LOCKED):
        return (
            "another program is installing packages: wait until it is done "
            "(ps ax | grep -E 'apt|dpkg|yum|dnf'), then run the command again"
        )
    if "Held packages were changed" in log:
        held = HELD_PACKAGES.search(log)
        names = " ".join(held[1].split()) if held else "$(apt-mark showhold)"
        return f"packages are on hold: apt-mark unhold {names}"
    if found := UNFINISHED_PACKAGES.search(log):
        name = found[1]
        return f"the package {name} cannot be set up; dpkg --configure {name} says why: fix that"
    if any(word in log for word in YUM_SOURCES):
        return (
            "the host cannot reach its package sources: check its network and DNS; those of "
            "CentOS 6 and 7 are in the vault now (vault_url=public, docs/variables.md)"
        )
    if found := NOT_FETCHED.search(log):
        return (
            f"the package source {found[1][:200]} failed ({found[2][:200]}): look at its line in "
            "/etc/apt/sources.list and sources.list.d, at a proxy (apt-config dump | grep -i "
            "proxy), and at the network and DNS of the host"
        )
    if any(word in log for word in NO_CANDIDATE):
        return (
            "the host's package sources do not have it: check them (apt-cache policy, yum "
            "repolist); on Ubuntu: add-apt-repository universe"
        )
    return ""
