"""Packages: installed or not, by whichever package manager the host has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from fabfile.model import shell
from fabfile.model.fact import Fact, State
from fabfile.model.resource import Resource
from fabfile.model.system import STATE_DIR

# try_yum SECONDS PROGRAM ARGUMENTS: yum, as soon as no other one holds its lock, for which it would
# wait without end by itself. 200 if one still does after that time: dnf then fails with that code,
# yum with 1 and these words.
TRY_YUM = """\
try_yum() {
    left=$1 program=$2
    shift 2
    while :; do
        { said=$(command "$program" --setopt=exit_on_lock=1 "$@" 2>&1 >&3 3>&-); } 3>&1
        code=$?
        case $said in *'configured by exit_on_lock'*) code=200 ;; esac
        [ $code -eq 200 ] && [ $left -gt 0 ] || break
        left=$((left - 1))
        sleep 1
    done
    [ -z "$said" ] || echo "$said" >&2
    return $code
}
"""

# A question to yum.
ASK_YUM = TRY_YUM + 'ask_yum() { try_yum 5 yum -q "$@"; }\n'


def _parse_packages(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for line in lines:
        # dpkg also lists what it has only heard of, without a version.
        if len(words := line.split()) != 4:
            continue
        database, name, status, version = words
        # A package whose triggers are still to run is complete for all that depends on it.
        if status in ("installed", "triggers-pending", "triggers-awaited"):
            found[f"{database} {name}"] = {"installed": True, "version": version}
        elif status == "unfinished":
            found[f"{database} {name}"] = {"installed": False, "version": version}
        elif status == "offered":
            found[offer(f"{database} {name}")] = {"version": version}
    return found


UNFINISHED = f"{STATE_DIR}/installing"
"""Is there from before apt begins until it has ended well: a run that died in between may have left
any package half-way, one of the system's as well, so that apt has to look once more."""


# Each key is "DATABASE NAME": `apt postfix`, `rpm postfix`; those of the host's own database count.
# With `offer` in front: what could be installed, unless it is. A plan for a bare server must know
# which Dovecot it will get; on a deployed one nothing is missing and nothing asked. yum breaks long
# lines in two.
PACKAGE = Fact(
    "package",
    ASK_YUM
    + f"""\
if command -v dpkg-query >/dev/null; then kind=apt; else kind=rpm; fi
offers=
for key do
    shift
    case $key in
    "$kind "*) set -- "$@" "${{key#* }}" ;;
    "offer $kind "*) offers="$offers ${{key##* }}" ;;
    esac
done
[ $# -gt 0 ] || return 0
if [ $kind = apt ]; then
    found=$(dpkg-query -W -f 'apt ${{Package}} ${{db:Status-Status}} ${{Version}}\\n' -- "$@")
else
    format='rpm %{{NAME}} installed %{{EPOCH}}:%{{VERSION}}-%{{RELEASE}}\\n'
    found=$(rpm -q --qf "$format" -- "$@" | sed -n 's/(none)://; /^rpm /p')
fi
if [ -e {UNFINISHED} ]; then
    printf '%s\\n' "$found" | sed 's/ installed / unfinished /'
else
    printf '%s\\n' "$found"
fi
set --
for p in $offers; do
    case $found in *"$kind $p installed "*) ;; *) set -- "$@" "$p" ;; esac
done
[ $# -gt 0 ] || return 0
if [ $kind = apt ]; then
    apt-cache policy -- "$@" | awk '
        /^[^ ].*:$/ {{ name = substr($1, 1, length($1) - 1) }}
        $1 == "Candidate:" && $2 != "(none)" {{ print "apt", name, "offered", $2 }}'
else
    ask_yum list available -- "$@" | awk '
        NF == 1 {{ held = $1; next }}
        NF == 2 && held == "" {{ next }}
        {{ $0 = held " " $0; held = ""; sub(/[.][^.]*$/, "", $1); print "rpm", $1, "offered", $2 }}'
fi
""",
    _parse_packages,
    lane="packages",
)


def offer(key: str) -> str:
    """Return the key that asks what could be installed of a package."""
    return f"offer {key}"


# The package database may be half-way through something that died, or locked by the system's
# own nightly upgrade: finish the one, wait for the other. dpkg, unlike apt, does not wait. What it
# cannot finish may be for want of the very package that is to be installed.
APT = """\
: >%(unfinished)s
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

# yum's exit code says little (0 when it knows none of the names), so nobody asks for it.
YUM = (
    TRY_YUM
    + """\
yum() {
    code=0
    try_yum %(wait)s %(manager)s -y "$@" || code=$?
    [ $code -ne 200 ] || { echo 'the lock of yum is held by another program'; exit 1; }
}
"""
)


def enabling(repository: str) -> str:
    """Return yum's option for a repository that is off otherwise, and a space; or nothing."""
    return f"--enablerepo={shell.quote(repository)} " if repository else ""


# What apt and yum say, and what to do about it; the first that fits counts.
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
    """Return what to do about what apt or yum has printed; nothing when it is something else."""
    fitting = (
        remedy
        for complaints, remedy in REMEDIES
        if any(complaint in log for complaint in complaints)
    )
    return next(fitting, "")


@dataclass(frozen=True)
class Package(Resource):
    """A package that is installed. Neighbours are installed in one transaction."""

    fact = PACKAGE
    batched = True
    name: str
    manager: str = "apt"
    """`apt`, `yum` or `dnf`."""
    lock_timeout: int = 300
    """Seconds to wait for another program that holds the package manager's lock."""
    preseed: str = ""
    """Answers for debconf, as debconf-set-selections(1) reads them."""
    repository: str = ""
    """A repository of yum's that is off otherwise, and that this package comes from."""

    @property
    def key(self) -> str:
        return f"{'apt' if self.manager == 'apt' else 'rpm'} {self.name}"

    @property
    def title(self) -> str:
        origin = f" from [{self.repository}]" if self.repository else ""
        return f"Package {self.name}{origin}"

    def desired(self) -> State:
        return {"installed": True}

    def fix(self) -> str:
        return self.fix_all([self])

    @classmethod
    def fix_all(cls, resources: Sequence[Resource]) -> str:
        packages = [r for r in resources if isinstance(r, Package)]
        return "\n".join(_apt(packages) if packages[0].manager == "apt" else _yum(packages))

    def remedy(self, log: str) -> str:
        return package_remedy(log) or super().remedy(log)


def _apt(packages: Sequence[Package]) -> Iterator[str]:
    yield APT % {"wait": packages[0].lock_timeout, "unfinished": UNFINISHED}
    if preseed := "\n".join(p.preseed for p in packages if p.preseed):
        yield f"printf '%s\\n' {shell.quote(preseed)} | debconf-set-selections"
    yield f"apt --no-install-recommends install {shell.words(*(p.name for p in packages))}"
    yield f"rm -f {UNFINISHED}"


def _yum(packages: Sequence[Package]) -> Iterator[str]:
    yield YUM % {"wait": packages[0].lock_timeout, "manager": packages[0].manager}
    weak = "--setopt=install_weak_deps=False " if packages[0].manager == "dnf" else ""
    for repository, group in groupby(packages, key=lambda p: p.repository):
        yield f"yum {enabling(repository)}{weak}install {shell.words(*(p.name for p in group))}"
    names = shell.words(*(p.name for p in packages))
    yield f"rpm -q {names} >/dev/null || {{ rpm -q {names} | grep 'not installed'; exit 1; }}"


def _parse_updates(lines: list[str]) -> dict[str, State]:
    return {"all": {"pending": int(lines[0])}} if lines else {}


# yum lists each update in three columns, and after them what is obsolete.
UPDATES = Fact(
    "updates",
    ASK_YUM
    + """\
if command -v apt-get >/dev/null; then
    apt-get -s -o Debug::NoLocking=1 upgrade | grep -c '^Inst '
else
    ask_yum check-update | awk '/^Obsoleting/ { exit } NF == 3 { n++ } END { print n + 0 }'
fi
""",
    _parse_updates,
)


@dataclass(frozen=True)
class Updates(Resource):
    """No outstanding package updates, as far as the host's package lists know."""

    fact = UPDATES
    manager: str = "apt"
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
        values = {"wait": self.lock_timeout, "manager": self.manager}
        if self.manager == "apt":
            return f"{APT % {**values, 'unfinished': UNFINISHED}}apt upgrade\nrm -f {UNFINISHED}"
        return f"{YUM % values}yum update"
