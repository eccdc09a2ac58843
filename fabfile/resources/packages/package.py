"""Installed packages, and outstanding updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import Fact, State
from fabfile.model.host import Platform
from fabfile.model.resource import Resource
from fabfile.resources.packages.apt import APT
from fabfile.resources.packages.manager import (
    ASK_YUM,
    UNFINISHED,
    PackageManager,
    Wanted,
    package_remedy,
)
from fabfile.resources.packages.yum import DNF, YUM

MANAGERS: dict[str, PackageManager] = {manager.name: manager for manager in (APT, YUM, DNF)}


def package_manager(system: Platform) -> PackageManager:
    """Return the package manager of a supported system."""
    return MANAGERS[system.package_manager]


def _parse_packages(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for line in lines:
        # dpkg also lists packages that it only knows by name, without a version.
        if len(words := line.split()) != 4:
            continue
        database, name, status, version = words
        # Dependent packages accept one whose triggers have not run yet, so we do too.
        if status in ("installed", "triggers-pending", "triggers-awaited"):
            found[f"{database} {name}"] = {"installed": True, "version": version}
        elif status == "unfinished":
            found[f"{database} {name}"] = {"installed": False, "version": version}
        elif status == "offered":
            found[offer(f"{database} {name}")] = {"version": version}
    return found


PACKAGE = Fact(
    "package",
    f"unfinished={UNFINISHED}\n{ASK_YUM}" + shell.program(__file__, "package.sh"),
    _parse_packages,
    lane="packages",
)


def offer(key: str) -> str:
    """Return the fact's key for the version of a package that could be installed."""
    return f"offer {key}"


@dataclass(frozen=True)
class Package(Resource):
    """An installed package. Neighbours are installed in one transaction."""

    fact = PACKAGE
    batched = True
    name: str
    manager: PackageManager = APT
    lock_timeout: int = 300
    """Timeout for the package manager's lock, in seconds."""
    preseed: str = ""
    """Answers for debconf, as debconf-set-selections(1) reads them."""
    repository: str = ""
    """A repository of yum, disabled by default, that has this package; empty for none."""

    @property
    def key(self) -> str:
        return f"{self.manager.database} {self.name}"

    @property
    def title(self) -> str:
        origin = f" from [{self.repository}]" if self.repository else ""
        return f"Package {self.name}{origin}"

    @property
    def wanted(self) -> Wanted:
        """The package as a value for its manager."""
        return Wanted(self.name, self.preseed, self.repository)

    def desired(self) -> State:
        return {"installed": True}

    def fix(self) -> str:
        return self.fix_all([self])

    @classmethod
    def fix_all(cls, resources: Sequence[Resource]) -> str:
        packages = [r for r in resources if isinstance(r, Package)]
        first = packages[0]
        return first.manager.install([p.wanted for p in packages], first.lock_timeout)

    def remedy(self, log: str) -> str:
        return package_remedy(log) or super().remedy(log)


def _parse_updates(lines: list[str]) -> dict[str, State]:
    return {"all": {"pending": int(lines[0])}} if lines else {}


UPDATES = Fact("updates", ASK_YUM + shell.program(__file__, "updates.sh"), _parse_updates)


@dataclass(frozen=True)
class Updates(Resource):
    """No outstanding package updates, by the host's own package lists."""

    fact = UPDATES
    key = "all"
    manager: PackageManager = APT
    lock_timeout: int = 300

    @property
    def title(self) -> str:
        return "Package updates"

    def desired(self) -> State:
        return {"pending": 0}

    def fix(self) -> str:
        return self.manager.upgrade(self.lock_timeout)
