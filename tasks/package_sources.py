"""Package sources of apt that fail: which file and line, why, and whether a package needs them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fabfile.model.host import SurveyedHost
from fabfile.model.preflight import Finding
from tasks.package_answer import SOURCE, SUBJECT, Answer, lacking

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


def sources(host: SurveyedHost, answer: Answer, names: list[str]) -> Iterator[Finding]:
    """Yield the sources that fail, or the proxy that is the reason, or what no source has."""
    by_place: dict[str, tuple[str, list[str]]] = {}
    for url, suite, why in _failures(answer):
        places = _places(answer, url, suite) or [url]
        # One cause: its lines contradict each other.
        for place in [" and ".join(places)] if "Conflicting" in why else places:
            by_place.setdefault(place, (url, []))[1].append(why)
    if proxied := _proxy(answer, [why for _, whys in by_place.values() for why in whys]):
        yield proxied
        return
    absent, pinned = lacking(answer), answer["pin"]
    for place, (url, whys) in by_place.items():
        why = next((why for word in TELLING for why in whys if word in why), whys[0])
        contradiction = any("Conflicting" in why for why in whys)
        needed = _needed(answer, url) or bool(absent and not pinned)
        yield Finding(
            SOURCE,
            f"{place} ({url}): {why}" if place != url else f"{url}: {why}",
            _source_remedy(place, why, needed=needed),
            fatal=needed or contradiction,
        )
    if not by_place and not pinned and not answer["held"]:
        yield from _without_candidate(host, answer, absent, names)


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
    host: SurveyedHost, answer: Answer, absent: list[str], names: list[str]
) -> Iterator[Finding]:
    if absent:
        universe = "add-apt-repository universe && apt-get update"
        yield Finding(
            SUBJECT,
            f"no source has {', '.join(absent)}",
            universe
            if host.system.distribution == "ubuntu"
            else f"look at /etc/apt/sources.list and sources.list.d: apt-cache policy {absent[0]}",
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
