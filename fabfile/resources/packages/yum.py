"""yum and dnf, of the Enterprise Linux family."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from fabfile.model import shell
from fabfile.resources.packages.manager import ASK_YUM, Wanted

PREPARE = ASK_YUM + shell.program(__file__, "yum.sh")


def enabling(repository: str) -> str:
    """Return the option that enables a repository, and a space; empty without a repository."""
    return f"--enablerepo={shell.quote(repository)} " if repository else ""


class Yum:
    """yum, of EL 6 and 7; see PackageManager."""

    name = "yum"
    database = "rpm"
    install_options = ""

    def prepare(self, wait: int) -> str:
        return f"manager={self.name} wait={wait}\n{PREPARE}"

    def install(self, packages: Sequence[Wanted], wait: int) -> str:
        lines = [self.prepare(wait)]
        for repository, group in groupby(packages, key=lambda package: package.repository):
            names = shell.words(*(package.name for package in group))
            lines.append(f"yum {enabling(repository)}{self.install_options}install {names}")
        names = shell.words(*(package.name for package in packages))
        lines.append(
            f"rpm -q {names} >/dev/null || {{ rpm -q {names} | grep 'not installed'; exit 1; }}"
        )
        return "\n".join(lines)

    def upgrade(self, wait: int) -> str:
        return f"{self.prepare(wait)}yum update"

    def reinstall(self, package: Wanted, wait: int) -> str:
        enable = enabling(package.repository)
        return f"{self.prepare(wait)}yum {enable}reinstall {shell.quote(package.name)}"


class Dnf(Yum):
    """dnf, of EL 8 and later. It accepts yum's commands."""

    name = "dnf"
    install_options = "--setopt=install_weak_deps=False "


YUM = Yum()
DNF = Dnf()
