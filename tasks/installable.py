"""Whether the packages of a deploy can be had: the part of preflight that asks the package manager.

An unrelated source that fails is a warning: the deploy leaves it out. A source that has one of the
packages, a hold, a pin, or a package that apt would remove stops the deploy before its first
change. Each finding names the file and the line, and the command that helps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from fabfile.model.fact import States
from fabfile.model.host import SurveyedHost
from fabfile.model.preflight import Finding
from fabfile.model.resource import Change
from fabfile.resources.packages.package import Package
from tasks.package_answer import SOURCE, SUBJECT, Answer, lacking
from tasks.package_sources import sources

SPARE_KIB = 20 * 1024
"""Space to leave beside the downloaded archives."""


def wanted(planned: Sequence[Change]) -> list[str]:
    """Return the packages that a deploy would install."""
    resources = [change.resource for change in planned]
    return [resource.name for resource in resources if isinstance(resource, Package)]


def findings(host: SurveyedHost, states: States, planned: Sequence[Change]) -> Iterator[Finding]:
    """Yield what keeps the packages away; one finding that all is well otherwise."""
    names = wanted(planned)
    if not names:
        return
    answer = Answer(states)
    wait = next(c.resource.lock_timeout for c in planned if isinstance(c.resource, Package))
    found = list(dict.fromkeys(_locks(answer, wait)))
    if host.system.package_manager == "apt":
        found += dict.fromkeys(_apt(host, answer, names))
    else:
        found += dict.fromkeys(_yum(host, answer, names))
    yield from found
    if not any(finding.verdict == "FAIL" for finding in found):
        yield Finding(SUBJECT, f"{len(names)} can be had")


def _locks(answer: Answer, wait: int) -> Iterator[Finding]:
    for pid, file, name in answer.words("locked", 3)[:1]:
        yield Finding(
            "package lock",
            f"process {pid} ({name}) holds {file}",
            f"a deploy waits for it, up to {wait} s; look at it: ps -fp {pid}",
            fatal=False,
        )


def _apt(host: SurveyedHost, answer: Answer, names: list[str]) -> Iterator[Finding]:
    for text in answer["config"]:
        yield Finding("apt", f"its configuration cannot be read: {text}", "fix that line")
    for text in answer["skipped"]:
        file, _, message = text.partition(": ")
        what = "that line" if file == "/etc/apt/sources.list" else "the file"
        yield Finding(
            SOURCE,
            f"apt cannot read {file} ({message}); a deploy leaves {what} out",
            "fix or remove that line" if what == "that line" else f"fix it, or: mv {file} /root",
            fatal=False,
        )
    if answer["config"]:
        return
    yield from _held(answer)
    yield from _pinned(answer, names)
    yield from _removed(answer)
    yield from _unfinished(answer)
    yield from _download(answer)
    yield from sources(host, answer, names)
    yield from _policy(answer)


def _policy(answer: Answer) -> Iterator[Finding]:
    """Yield what policy-rc.d forbids: starts are made by us, but an old mail program must stop."""
    programs = [line.split()[0] for line in answer["remove"] if "mail-transport-agent" in line]
    for start, stop in answer.words("policy", 2):
        if stop == "101" and programs:
            yield Finding(
                "policy-rc.d",
                f"/usr/sbin/policy-rc.d forbids to stop {programs[0]}, which would keep port 25",
                "rm /usr/sbin/policy-rc.d, or remove that program first and stop its service",
            )
        elif start == "101":
            yield Finding(
                "policy-rc.d",
                "/usr/sbin/policy-rc.d forbids packages to start services; a deploy starts them",
                "remove it if it is left from an image: rm /usr/sbin/policy-rc.d",
                fatal=False,
            )


def _held(answer: Answer) -> Iterator[Finding]:
    errors = " ".join(answer["install"])
    held = list(dict.fromkeys(line.split()[0] for line in answer["held"]))
    # apt does not say that a hold is the reason why a dependency cannot be met.
    held += [name for name in answer["hold"] if name not in held and f" {name} " in f"{errors} "]
    for name in held:
        yield Finding(
            SUBJECT,
            f"{name} is on hold, and would have to change",
            # apt-mark does nothing while apt cannot read its sources.
            f"echo {name} install | dpkg --set-selections"
            if answer["skipped"]
            else f"apt-mark unhold {name}",
        )


def _pinned(answer: Answer, names: list[str]) -> Iterator[Finding]:
    absent = lacking(answer) or (names if answer["install"] else [])
    for place, priority, patterns in answer.words("pin", 3):
        if hit := [n for n in absent if any(fnmatchcase(n, p) for p in patterns.split())]:
            file, _, line = place.rpartition(":")
            yield Finding(
                SUBJECT,
                f"{', '.join(hit)}: kept away by the priority {priority} in {place}",
                f"remove the pin: line {line} of {file} and its Pin-Priority",
            )


def _removed(answer: Answer) -> Iterator[Finding]:
    removed = [line.split() for line in answer["remove"]]
    # Postfix replaces the mail program that serves the host alone; preflight looks at its port.
    senders = {line[1] for line in removed if "mail-transport-agent" in " ".join(line[2:])}
    if others := [line[0] for line in removed if (line[1:2] or [""])[0] not in senders]:
        some = ", ".join(others[:5])
        database = any(name.startswith(("mysql-", "percona-")) for name in others)
        yield Finding(
            SUBJECT,
            f"apt would remove {some}",
            "save its databases (mysqldump) and remove it yourself: MariaDB takes its place"
            if database
            else f"remove it yourself if you do not need it: apt-get remove {' '.join(others[:5])}",
        )


def _unfinished(answer: Answer) -> Iterator[Finding]:
    for state, name in answer.words("dpkg", 2):
        if state.endswith("R"):
            yield Finding(
                SUBJECT,
                f"dpkg has left {name} broken (reinst-required)",
                f"apt-get install --reinstall {name}, or "
                f"dpkg --remove --force-remove-reinstreq {name}",
            )
        else:
            yield Finding(
                SUBJECT,
                f"dpkg has left {name} half-way ({state}); a deploy finishes it first",
                f"dpkg --configure {name}",
                fatal=False,
            )


def _download(answer: Answer) -> Iterator[Finding]:
    need = sum(int(text) for text in answer["download"][:1])
    for free, place in answer.words("archives", 2):
        if need and int(free) < need + SPARE_KIB:
            yield Finding(
                "disk",
                f"{place} has {int(free) // 1024} MiB free, and the download of the packages to "
                f"/var/cache/apt/archives needs {(need + SPARE_KIB) // 1024}",
                f"make room: apt-get clean; du -xh {place} | sort -h | tail",
            )


def _yum(host: SurveyedHost, answer: Answer, names: list[str]) -> Iterator[Finding]:
    places = {name.strip("[] \t"): place for place, name in answer.words("repository", 2)}
    for repository in answer["down"]:
        place = places.get(repository, "/etc/yum.repos.d")
        yield Finding(
            SOURCE,
            f"[{repository}] of {place} does not answer; a deploy leaves it out",
            f"fix it, or write skip_if_unavailable=1 or enabled=0 below [{repository}] in "
            f"{place.rpartition(':')[0] or place}",
            fatal=False,
        )
    offered = {name for name, _ in answer.words("offered", 2)}
    if host.system.major <= 6:
        # The repository of its Postfix, and the exclusions from the others, are ours.
        names = [name for name in names if name != "postfix"]
    for name in names:
        if name in offered:
            continue
        for place, text in answer.words("lock", 2):
            if re.search(rf"(^|[:\s!]){re.escape(name)}-[0-9*]", text):
                yield Finding(
                    SUBJECT,
                    f"{name} is locked to {text} by {place}, and no repository has that",
                    f"yum versionlock delete {name} (or take the line out of the file)",
                )
        for place, text in answer.words("exclude", 2):
            if any(fnmatchcase(name, pattern) for pattern in text.replace(",", " ").split()):
                yield Finding(
                    SUBJECT,
                    f"{name} is excluded by {place}: {text}",
                    f"take {name} out of that line",
                )
