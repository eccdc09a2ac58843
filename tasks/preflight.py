"""The rules of preflight: they find what would make a deploy stop half-way."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from fabfile.model import shell
from fabfile.model.errors import HostError
from fabfile.model.fact import Fact, State, States
from fabfile.model.host import SurveyedHost
from fabfile.model.preflight import Finding
from fabfile.model.resource import Change
from fabfile.model.section import Guide, Ports
from fabfile.resources.account import User
from fabfile.resources.packages.package import Package
from fabfile.resources.service import Service
from tasks import installable, mysql
from tasks.package_answer import INSTALLABLE

TOOLS = "awk base64 cp cut date dd flock getent gzip mktemp sed sha256sum sort stat tail timeout"
FOLDERS = "/etc /home /root /usr /var/lib /var/log /tmp"
MIB = 1024
"""In kB, as df counts."""
INSTALLED_MIB = 700
"""Space of the packages and a fresh database, with their archives, in MiB (measured on Debian 12).
"""
LEAST_MIB = 20
MEMORY_MIB = 400
"""Memory below which the kernel may kill MariaDB, in MiB."""
CLOCK_WARNS, CLOCK_FAILS = 300, 86400
"""Limits for a wrong clock, in seconds: certificates and signed lists are valid for a time."""


def _parse(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for line in lines:
        kind, _, rest = line.partition(" ")
        name, _, value = rest.partition(" ")
        if kind in ("clock", "space", "inodes", "memory"):
            int(value)  # a ValueError is an invalid answer
        found[f"{kind} {name}"] = {"value": value}
    return found


HOST = Fact(
    "host",
    f"tools={shell.quote(TOOLS)} folders={shell.quote(FOLDERS)}\n"
    + shell.program(__file__, "preflight.sh"),
    _parse,
    lane="preflight",
)


EXAMPLE_SERVER = "gmail-smtp-in.l.google.com"
"""A well-known mail server, for the question whether outgoing port 25 is open."""

# Not asked by a deploy: it takes seconds, and mail can be received all the same.
OUTGOING = Fact(
    "outgoing",
    f"server={EXAMPLE_SERVER}\n" + shell.program(__file__, "outgoing.sh"),
    _parse,
)


def preflight_questions(planned: Sequence[Change]) -> Mapping[Fact, Sequence[str]]:
    """Return what to ask beyond the host's own state: whether the planned packages can be had."""
    names = installable.wanted(planned)
    return {INSTALLABLE: names} if names else {}


def preflight(
    guide: Guide, host: SurveyedHost, states: States, planned: Sequence[Change]
) -> list[Finding]:
    """Return what the rules find on a host that has been surveyed, given what a deploy would do."""
    found = {
        key: str(state["value"])
        for (fact, key), state in states.items()
        if fact in (HOST.name, OUTGOING.name) and key.count(" ")
    }
    installing = any(isinstance(change.resource, Package) for change in planned)
    try:
        return [
            *_tools(found),
            *_folders(found),
            *_space(found, installing),
            *_memory(found),
            *_clock(found),
            *_name(host, found),
            *_numbers(found),
            *mysql.findings(states),
            *_processes(found, planned),
            *_masked(found, planned),
            *_ports(guide.ports_on(host), host, found),
            *_outgoing(found),
            *installable.findings(host, states, planned),
        ]
    except (ValueError, IndexError) as error:
        raise HostError(
            f"the host's answer to preflight is invalid: {str(error)[:200]}",
            "another program on the host answers instead of our script: check its shell",
        ) from error


def _of(found: dict[str, str], kind: str) -> dict[str, str]:
    return {key.split(" ", 1)[1]: v for key, v in found.items() if key.startswith(f"{kind} ")}


def _tools(found: dict[str, str]) -> Iterator[Finding]:
    if missing := ", ".join(_of(found, "missing")):
        yield Finding("programs", f"there is no {missing}", "install it with the package manager")
    else:
        yield Finding("programs", "all are there")


def _folders(found: dict[str, str]) -> Iterator[Finding]:
    if readonly := ", ".join(_of(found, "readonly")):
        yield Finding(
            "folders",
            f"{readonly} cannot be written",
            "look whether the file system is mounted read-only: mount | grep -w ro; dmesg",
        )
    else:
        yield Finding("folders", "all can be written")


def _space(found: dict[str, str], installing: bool) -> Iterator[Finding]:
    least = INSTALLED_MIB if installing else LEAST_MIB
    for place, text in _of(found, "space").items():
        # Packages go to /usr and /var, and are nowhere else but in small files.
        need = least if place in ("/", "/usr", "/var", "/var/lib") else LEAST_MIB
        free = int(text) // MIB
        if free < need:
            yield Finding(
                "disk",
                f"{place} has {free} MiB free, and {need} are needed",
                f"make room: du -xh {place} | sort -h | tail",
            )
    for place, text in _of(found, "inodes").items():
        if int(text) < 2000:
            yield Finding("disk", f"{place} has {text} free inodes", "remove small files there")
    free = min((int(text) for text in _of(found, "space").values()), default=0) // MIB
    yield Finding("disk", f"at least {free} MiB are free everywhere")


def _memory(found: dict[str, str]) -> Iterator[Finding]:
    total = int(found.get("memory total", 0)) // MIB
    if 0 < total < MEMORY_MIB:
        remedy = "add memory or swap, or the database may be killed"
        yield Finding("memory", f"{total} MiB, swap included", remedy, fatal=False)
    else:
        yield Finding("memory", f"{total} MiB, swap included")


def _clock(found: dict[str, str]) -> Iterator[Finding]:
    off = int(found.get("clock now", 0)) - int(time.time())
    seen = f"{abs(off)} s {'ahead of' if off > 0 else 'behind'} this machine's"
    if abs(off) > CLOCK_WARNS:
        remedy = "set it: date -s, or install chrony; certificates depend on it"
        yield Finding("clock", seen, remedy, fatal=abs(off) > CLOCK_FAILS)
    else:
        yield Finding("clock", seen)


def _name(host: SurveyedHost, found: dict[str, str]) -> Iterator[Finding]:
    name = found.get("hostname is", "")
    if host.flag("hostname"):
        yield Finding("host name", f"it becomes {host['fqdn']}")
    elif not name or name.replace(".", "").isdigit():
        yield Finding(
            "host name",
            f"it is {name!r}, with which Postfix does not start",
            f"give it a name: hostnamectl set-hostname {host['fqdn']} (and a line in /etc/hosts)",
        )
    else:
        yield Finding("host name", name)


def _numbers(found: dict[str, str]) -> Iterator[Finding]:
    for kind in ("user", "group"):
        other = found.get(f"{kind} 5000", "")
        if other not in ("", "vmail"):
            change = "usermod -u" if kind == "user" else "groupmod -g"
            yield Finding(
                f"{kind} 5000",
                f"the number belongs to {other}, and the guide's vmail has it",
                f"give {other} another one: {change} NUMBER {other}",
            )
        else:
            yield Finding(f"{kind} 5000", other or "free")


def _processes(found: dict[str, str], planned: Sequence[Change]) -> Iterator[Finding]:
    """Yield that vmail has processes, if its number or home is to change: usermod refuses."""
    changing = any(
        isinstance(change.resource, User)
        and change.resource.name == "vmail"
        and not change.creates
        and {"uid", "home"} & change.differences.keys()
        for change in planned
    )
    running = _of(found, "process")
    if changing and running:
        some = ", ".join(f"{name} ({pid})" for pid, name in list(running.items())[:5])
        yield Finding(
            "user vmail",
            f"it has to change, and has processes: {some}",
            f"stop the service that they belong to, or: kill {' '.join(list(running)[:20])}",
        )


def _masked(found: dict[str, str], planned: Sequence[Change]) -> Iterator[Finding]:
    """Yield masked units. A masked service is not enabled, so a change of it is always planned."""
    resources = [change.resource for change in planned]
    services = [r for r in resources if isinstance(r, Service) and (r.running or r.enabled)]
    units = {name for service in services for name in (service.name, service.process) if name}
    units |= {f"{unit.partition('@')[0]}@" for unit in units if "@" in unit}
    masked = []
    for place in _of(found, "masked"):
        folder, _, file = place.rpartition("/")
        if file.removesuffix(".service") in units:
            runtime = "--runtime " if folder.startswith("/run") else ""
            masked.append(
                Finding(
                    "services",
                    f"{file} is masked ({place}), and cannot be started",
                    f"systemctl unmask {runtime}{file}",
                )
            )
    yield from masked
    if not masked:
        yield Finding("services", "none is masked")


def _outgoing(found: dict[str, str]) -> Iterator[Finding]:
    subject, answer = "outgoing mail", found.get("outgoing mail")
    if answer == "open":
        yield Finding(subject, f"port 25 of {EXAMPLE_SERVER} answers")
    elif answer == "closed":
        yield Finding(
            subject,
            f"no connection to port 25 of {EXAMPLE_SERVER}",
            "providers close it on new accounts: ask their support to open it; mail is received "
            "all the same",
            fatal=False,
        )
    elif answer == "unnamed":
        remedy = "look at /etc/resolv.conf: mail cannot go out without DNS"
        yield Finding(subject, f"{EXAMPLE_SERVER} has no address", remedy, fatal=False)


def _ports(owners: Ports, host: SurveyedHost, found: dict[str, str]) -> Iterator[Finding]:
    taken = []
    for place, text in _of(found, "port").items():
        port, _, address = place.partition("/")
        ours = owners.get(int(port)) if port.isdigit() else None
        programs = text.split()
        # A socket is shared by a server's processes.
        if ours is None or set(programs) & set(ours):
            continue
        program = programs[0]
        # Debian's own small mail program, which only the host itself reaches, makes room for
        # Postfix when that is installed. Sendmail on CentOS stays beside it, and keeps the port.
        local = address.strip("[]") in ("127.0.0.1", "::1", "localhost")
        if port == "25" and local and host.system.family == "debian":
            continue
        taken.append(
            Finding(
                f"port {port}",
                f"{program} listens there ({address})",
                f"stop and remove what {program} belongs to, if you do not need it",
            )
        )
    yield from dict.fromkeys(taken)
    if not taken:
        yield Finding("ports", "none is taken by another program")
