"""apt, of Debian and its derivatives."""

from __future__ import annotations

from collections.abc import Sequence

from fabfile.model import shell
from fabfile.resources.packages.manager import UNFINISHED, Wanted

APT_SOURCES = shell.program(__file__, "apt_sources.sh")
PREPARE = APT_SOURCES + shell.program(__file__, "apt.sh")


class Apt:
    """apt-get and dpkg; see PackageManager."""

    name = "apt"
    database = "apt"

    def prepare(self, wait: int) -> str:
        return f"unfinished={UNFINISHED} wait={wait}\n{PREPARE}"

    def install(self, packages: Sequence[Wanted], wait: int) -> str:
        lines = [self.prepare(wait)]
        if preseed := "\n".join(package.preseed for package in packages if package.preseed):
            lines.append(f"printf '%s\\n' {shell.quote(preseed)} | debconf-set-selections")
        names = shell.words(*(package.name for package in packages))
        lines += [f"checked_apt --no-install-recommends install {names}", f"rm -f {UNFINISHED}"]
        return "\n".join(lines)

    def upgrade(self, wait: int) -> str:
        return f"{self.prepare(wait)}checked_apt upgrade\nrm -f {UNFINISHED}"

    def reinstall(self, package: Wanted, wait: int) -> str:
        # dpkg does not restore a missing configuration file.
        return ""


APT = Apt()
