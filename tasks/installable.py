"""Whether the packages of a deploy can be had: the part of preflight that asks the package manager.

An unrelated source that fails is a warning: the deploy leaves it out. A source that has one of the
packages, a hold, a pin, or a package that apt would remove stops the deploy before its first
change. Each finding names the file and the line, and the command that helps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from fabfile.model import shell
from fabfile.model.fact import Fact, State, States
from fabfile.model.host import SurveyedHost
from fabfile.model.preflight import Finding
from fabfile.model.resource import Change
from fabfile.resources.packages.apt import APT_SOURCES
from fabfile.resources.packages.manager import ASK_YUM
from fabfile.resources.packages.package import Package

SUBJECT, SOURCE = "packages", "package source"
SPARE_KIB = 20 * 1024
"""Space to leave beside the downloaded archives."""

_APT = APT_SOURCES + shell.program(__file__, "installable_apt.sh")
_YUM = ASK_YUM + shell.program(__file__, "installable_yum.sh")


def _parse(lines: list[str]) -> dict[str, State]:
    return {str(number): {"line": line} for number, line in enumerate(lines)}


INSTALLABLE = Fact(
    "installable",
    f"if command -v apt-get >/dev/null; then\n{_APT}\nelse\n{_YUM}\nfi",
    _parse,
)


def wanted(planned: Sequence[Change]) -> list[str]:
    """Return the packages that a deploy would install."""
    resources = [change.resource for change in planned]
    return [resource.name for resource in resources if isinstance(resource, Package)]


class Answer:
    """The lines of the fact, by their first word."""

    def __init__(self, states: States) -> None:
        self._lines: dict[str, list[str]] = {}
        for (fact, _), state in states.items():
            if fact == INSTALLABLE.name:
                kind, _, rest = str(state["line"]).partition(" ")
                self._lines.setdefault(kind, []).append(rest)

    def __getitem__(self, kind: str) -> list[str]:
        return self._lines.get(kind, [])

    def words(self, kind: str, number: int) -> list[list[str]]:
        """Return lines split into `number` words, of which the last may have blanks."""
        split = (line.split(" ", number - 1) for line in self[kind])
        return [[*line, *[""] * (number - len(line))] for line in split]


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
    yield from _sources(host, answer, names)
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
            f"apt-mark unhold {name}",
        )


def _lacking(answer: Answer) -> list[str]:
    """Return the packages that no source has."""
    pattern = r"Package '([^']+)' has no installation candidate|Unable to locate package (\S+)"
    found = (re.search(pattern, line) for line in answer["install"])
    return [match[1] or match[2] for match in found if match]


def _pinned(answer: Answer, names: list[str]) -> Iterator[Finding]:
    lacking = _lacking(answer) or (names if answer["install"] else [])
    for place, priority, patterns in answer.words("pin", 3):
        if hit := [n for n in lacking if any(fnmatchcase(n, p) for p in patterns.split())]:
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


FAILURES = (
    re.compile(r"Failed to fetch (?P<url>\S+)\s+(?P<why>.*)"),
    # apt 3 has no GnuPG any more, and other words.
    re.compile(r"signature verification failed: (?P<url>\S+) (?P<suite>\S+) \S+: (?P<why>.*)"),
    re.compile(r"GPG error: (?P<url>\S+) (?P<suite>\S+) \S+: (?P<why>.*)"),
    re.compile(r"[Rr]epository '(?P<url>\S+) (?P<suite>\S+)[^']*' (?P<why>.*)"),
    re.compile(r"Release file for (?P<url>\S+) (?P<why>is .*)"),
    re.compile(r"(?P<why>Conflicting values .*) source (?P<url>\S+) (?P<suite>[^\s:]+)"),
)
TELLING = (
    "NO_PUBKEY",
    "Missing key",
    "expired",
    "not valid yet",
    "Hash Sum",
    "changed its",
    "could not be found",
)


def _failures(answer: Answer) -> Iterator[tuple[str, str, str]]:
    """Yield address, suite (empty if unknown) and reason of each complaint about a source."""
    for line in answer["update"]:
        for pattern in FAILURES:
            if match := pattern.search(line):
                parts = match.groupdict()
                suite = parts.get("suite") or ""
                if dists := re.search(
                    "/dists/(.+?)/(InRelease|Release|main|binary-|[a-z]+/)", line
                ):
                    suite = suite or dists[1]
                yield parts["url"], suite.strip("'"), parts["why"].strip() or _no_driver(answer)
                break


def _no_driver(answer: Answer) -> str:
    """Return the reason why apt does not know how to fetch a source: the line before says it."""
    found = (line for line in answer["update"] if "method driver" in line)
    return next(found, "it cannot be fetched").removeprefix("E: ")


def _below(url: str, uri: str) -> bool:
    return f"{url}/".startswith(f"{uri.rstrip('/')}/")


def _places(answer: Answer, url: str, suite: str) -> list[str]:
    """Return the files and lines of a source; a deb822 file (.sources) is known by address only."""
    fitting = [
        (place, uri)
        for place, uri, own_suite in answer.words("source", 3)
        if _below(url, uri) and (not suite or not own_suite or suite == own_suite)
    ]
    longest = max((len(uri.rstrip("/")) for _, uri in fitting), default=0)
    return list(dict.fromkeys(place for place, uri in fitting if len(uri.rstrip("/")) == longest))


def _sources(host: SurveyedHost, answer: Answer, names: list[str]) -> Iterator[Finding]:
    by_place: dict[str, tuple[str, list[str]]] = {}
    for url, suite, why in _failures(answer):
        places = _places(answer, url, suite) or [url]
        # One cause: its lines contradict each other.
        for place in [" and ".join(places)] if "Conflicting" in why else places:
            by_place.setdefault(place, (url, []))[1].append(why)
    if proxied := _proxy(answer, [why for _, whys in by_place.values() for why in whys]):
        yield proxied
        return
    lacking, pinned = _lacking(answer), answer["pin"]
    for place, (url, whys) in by_place.items():
        why = next((why for word in TELLING for why in whys if word in why), whys[0])
        contradiction = any("Conflicting" in why for why in whys)
        needed = _needed(answer, url) or bool(lacking and not pinned)
        yield Finding(
            SOURCE,
            f"{place} ({url}): {why}" if place != url else f"{url}: {why}",
            _source_remedy(place, why, needed=needed),
            fatal=needed or contradiction,
        )
    if not by_place and not pinned and not answer["held"]:
        yield from _without_candidate(host, answer, lacking, names)


def _needed(answer: Answer, url: str) -> bool:
    """Return whether a package comes from the source of the address, and none of it answers."""
    uris = [uri for _, uri, _ in answer.words("source", 3) if _below(url, uri)]
    reached = [uri for uri, _ in answer.words("reached", 2)]
    return any(
        _below(package, uri) and not any(_below(one, uri) for one in reached)
        for uri in uris
        for package in answer["fetch"]
    )


def _without_candidate(
    host: SurveyedHost, answer: Answer, lacking: list[str], names: list[str]
) -> Iterator[Finding]:
    if lacking:
        universe = "add-apt-repository universe && apt-get update"
        yield Finding(
            SUBJECT,
            f"no source has {', '.join(lacking)}",
            universe
            if host.system.distribution == "ubuntu"
            else f"look at /etc/apt/sources.list and sources.list.d: apt-cache policy {lacking[0]}",
        )
    elif answer["install"] and not answer["hold"]:
        message = answer["install"][0].removeprefix("E: ")
        if "No space left" in message:
            # The rules about disks say which one is full.
            return
        yield Finding(
            SUBJECT,
            f"apt cannot install them: {message[:200]}",
            "fix or remove that file"
            if "preferences file" in message
            else f"look at what is in the way: apt-get -s install {' '.join(names)}",
        )


def _source_remedy(place: str, why: str, *, needed: bool) -> str:
    file, _, line = place.rpartition(":")
    where = f"line {line} of {file}" if line.isdigit() else place
    if file.endswith(".sources") and not needed:
        where = f"it, by a line 'Enabled: no' above line {line} of {file}"
    if "NO_PUBKEY" in why or "Missing key" in why:
        return f"get its key from its owner (signed-by=), or take out {where}"
    if "changed its" in why:
        return "accept it, if you know why: apt-get update --allow-releaseinfo-change"
    if "expired" in why or "not valid yet" in why:
        return f"look at the clock (date) and at the mirror, or take out {where}"
    if "Conflicting" in why:
        return "write the same signed-by into both lines, or take out one of them"
    if needed:
        return f"packages are to come from it: correct {where}, or make the server answer"
    return f"fix or take out {where}, then: apt-get update"


def _proxy(answer: Answer, whys: list[str]) -> Finding | None:
    """Return the finding that a proxy is the reason why sources fail; None if it is not."""
    for place, text in answer.words("proxy", 2):
        match = re.search(
            r"(?:[a-z0-9]+://)?\[?([A-Za-z0-9_.:-]+?)\]?(?::(\d+))?[/\"';]*\s*$", text
        )
        if not match:
            continue
        at = f"{match[1]}:{match[2]}" if match[2] else match[1]
        hit = [why for why in whys if at in why or f"resolving '{match[1]}'" in why]
        if hit:
            return Finding(
                "apt proxy",
                f"{at} does not answer ({hit[0][:200]}); {place} sets it: {text.strip()[:200]}",
                f"start the proxy, or take the line out of {place.rpartition(':')[0] or place}",
                fatal=bool(answer["fetch"] or answer["install"]),
            )
    return None


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
