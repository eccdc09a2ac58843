"""Packages: installed or not, by whichever package manager the host has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fabfile import shell
from fabfile.fact import Fact, State
from fabfile.resources.resource import Resource

ON_OFFER = "(on offer)"
"""What the key of a package that could be installed ends with."""


def _parse_packages(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for line in lines:
        kind, name, *rest = line.split()
        # A package whose triggers are still to run is complete for all that depends on it.
        if kind == "installed" and rest[0] in ("installed", "triggers-pending", "triggers-awaited"):
            found[name] = {"installed": True, "version": rest[1]}
        elif kind == "candidate":
            found[f"{name} {ON_OFFER}"] = {"version": rest[0]}
    return found


# What is not installed is looked up once more for the version on offer: a plan for a bare server
# must know which Dovecot it will get. On a deployed server nothing is missing, and nothing asked.
PACKAGE = Fact(
    "package",
    """\
if command -v dpkg-query >/dev/null; then
    installed=$(dpkg-query -W -f 'installed ${Package} ${db:Status-Status} ${Version}\\n' -- "$@")
    printf '%s\\n' "$installed"
    for p do
        shift
        case "$installed" in *"installed $p installed "*) ;; *) set -- "$@" "$p" ;; esac
    done
    [ $# -eq 0 ] || apt-cache policy -- "$@" | awk '
        /^[^ ].*:$/ { name = substr($1, 1, length($1) - 1) }
        $1 == "Candidate:" && $2 != "(none)" { print "candidate", name, $2 }'
else
    rpm -q --qf 'installed %{NAME} installed %{EPOCH}:%{VERSION}-%{RELEASE}\\n' -- "$@" |
        sed -n 's/(none)://; /^installed /p'
fi
""",
    _parse_packages,
    slow=True,
)

# The package database may be half-way through something that died, or locked by the system's
# own nightly upgrade: finish the one, wait for the other. dpkg, unlike apt, does not wait. What it
# cannot finish may be for want of the very package that is to be installed.
APT = """\
export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l
apt() { apt-get -y -q -o DPkg::Lock::Timeout=%(wait)s -o Dpkg::Options::=--force-confdef \\
    -o Dpkg::Options::=--force-confold "$@"; }
waited=0
until left=$(dpkg --configure -a 2>&1); do
    printf '%%s\n' "$left"
    case $left in *"locked by another process"*) ;; *) break ;; esac
    [ $waited -lt %(wait)s ] || exit 1
    waited=$((waited + 1))
    sleep 1
done
apt update
"""


@dataclass(frozen=True)
class Package(Resource):
    """A package that is installed. Neighbours are installed in one transaction."""

    fact = PACKAGE
    together = True
    name: str
    manager: str = "apt"
    lock_timeout: int = 300
    """Seconds to wait for another program that holds the package manager's lock."""
    preseed: str = ""
    """Answers for debconf, as debconf-set-selections(1) reads them."""

    @property
    def key(self) -> str:
        return self.name

    def desired(self) -> State:
        return {"installed": True}

    def fix(self) -> str:
        return self.fix_together([self])

    @classmethod
    def fix_together(cls, resources: Sequence[Resource]) -> str:
        packages = [r for r in resources if isinstance(r, Package)]
        names = shell.words(*(p.name for p in packages))
        if packages[0].manager != "apt":
            # yum's exit code says little (0 for an unknown name): ask rpm what is there.
            return (
                f"{packages[0].manager} -y install {names}\n"
                f"rpm -q {names} >/dev/null || {{ rpm -q {names} | grep 'not installed'; exit 1; }}"
            )
        lines = [APT % {"wait": packages[0].lock_timeout}]
        if preseed := "\n".join(p.preseed for p in packages if p.preseed):
            lines.append(f"printf '%s\\n' {shell.quote(preseed)} | debconf-set-selections")
        lines.append(f"apt --no-install-recommends install {names}")
        return "\n".join(lines)

    def remedy(self, log: str) -> str:
        if (
            "locked by another" in log
            or "Could not get lock" in log
            or "Unable to acquire" in log
            or "is locked" in log
        ):
            return (
                "another program is installing packages: wait until it is done "
                "(ps ax | grep -E 'apt|dpkg'), then run the same command again"
            )
        if (
            "no installation candidate" in log
            or "Unable to locate package" in log
            or "not installed" in log
            or "No package" in log
        ):
            return "the host's package sources do not have it: look at them (apt-cache policy)"
        if "Could not resolve" in log or "Failed to fetch" in log or "Connection failed" in log:
            return "the host cannot reach its package sources: look at its network and DNS"
        return super().remedy(log)


def _parse_updates(lines: list[str]) -> dict[str, State]:
    return {"all": {"pending": int(lines[0])}} if lines else {}


UPDATES = Fact(
    "updates",
    "apt-get -s -o Debug::NoLocking=1 upgrade | grep -c '^Inst '\n",
    _parse_updates,
)


@dataclass(frozen=True)
class Updates(Resource):
    """No outstanding package updates, as far as the host's package lists know."""

    fact = UPDATES
    lock_timeout: int = 300

    @property
    def key(self) -> str:
        return "all"

    @property
    def title(self) -> str:
        return "Package updates"

    def desired(self) -> State:
        return {"pending": 0}

    def fix(self) -> str:
        return APT % {"wait": self.lock_timeout} + "apt upgrade"
