"""The logs of a host, of the time that verify takes: which line tells why a check fails."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import Fact, State

LOG_START = Fact(
    "log_start",
    shell.program(__file__, "log_start.sh"),
    lambda lines: {line: {"start": True} for line in lines},
)
LOG = Fact(
    "log",
    shell.program(__file__, "log.sh"),
    lambda lines: {"": {"text": "\n".join(lines)}},
)


def _parse_unit_logs(lines: list[str]) -> dict[str, State]:
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("= "):
            text = found.setdefault(line[2:], [])
        else:
            text.append(line[1:])
    return {unit: {"text": "\n".join(text)} for unit, text in found.items()}


UNIT_LOG = Fact("unit_log", shell.program(__file__, "unit_log.sh"), _parse_unit_logs)
HELPERS = Fact(
    "helpers",
    shell.program(__file__, "helpers.sh"),
    lambda lines: {line: {"stopped": True} for line in lines},
)

# `Nov  7 12:00:00 mail1 postfix/smtpd[12]: text`, or with an RFC 3339 time (rsyslog).
LINE = re.compile(
    r"(?:[A-Z][a-z]{2} [ \d]\d [\d:]{8}|\d{4}-\d\d-\d\dT\S+) \S+ (?P<program>[^\s:\[]+)"
    r"(?:\[\d+\])?: (?P<text>.*)"
)


@dataclass(frozen=True)
class Cause:
    """A cause of failures. Two failures with the same kind and subject have the same cause."""

    kind: str
    subject: str
    line: str
    """The line of the log that names it."""


# Each kind's patterns; the first kind that some line fits is the cause. `subject` tells one cause
# from another of its kind; without that group it is the whole text.
KINDS = (
    ("disk", r"No space left on device|not enough free space|isk quota exceeded|isk (?:is )?full"),
    (
        "milter",
        r"(?:connect to Milter service|milter) (?P<subject>(?:inet|unix|local):[^\s:]*(?::\d+)?)",
    ),
    (
        "database",
        r"(?P<subject>(?:Access denied for user|Can't connect to|Unknown database|Host '.*' is)"
        r".*?)(?: - |$)|connect to mysql server \S+: (?P<other>.*)",
    ),
    (
        "query",
        r"(?P<subject>(?:Table|Unknown column|\w+ command denied) .*)|query failed: (?P<other>.*)",
    ),
    ("map", r"unsupported dictionary type: (?P<subject>\w+)|open database (?P<other>[^\s:]+)"),
    ("table", r"(?P<subject>\w+:/[^\s:;]+)(?:: | is unavailable|.*lookup (?:error|problem))"),
    ("permission", r"(?P<subject>/home/vmail/[^\s:)]+): Permission denied"),
    (
        "filter",
        r"status=deferred \(connect to (?P<subject>(?:127\.0\.0\.1|localhost|\S*::1|\S*/)\S*): ",
    ),
    (
        "policy",
        r"(?:problem talking to server|connect to) (?P<subject>\S+): "
        r"(?:Connection|No such file|Permission|Network|No route)",
    ),
    ("auth", r"(?P<subject>SASL): Connect to \S+ failed"),
    ("auth", r"no (?P<subject>SASL) authentication mechanisms"),
    ("local", r"(?P<subject>mailbox_size_limit is smaller than message_size_limit)"),
    (
        "tls",
        r"cannot (?:get|load) .*(?:cert|key)|disabling TLS|ssl_\w+: |(?:cert|key) .*mismatch"
        r"|[Cc]an't load|no certificate",
    ),
    ("fatal", r"(?i:fatal|panic): "),
    ("error", r"[Ee]rror: (?!lost connection|timeout)|failed: "),
    ("warning", r"warning: "),
)
PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in KINDS)
# What clients elsewhere cause, at any time.
NOISE = re.compile(
    r"does not resolve to address|hostname \S+ verification|SSL_accept|lost connection"
    r"|timeout after|non-SMTP command|SASL \S+ authentication failed|auth failed|Aborted login"
    r"|Disconnected|unused parameter|overriding earlier entry|TLS library problem"
    r"|(?:reject|NOQUEUE|milter-reject): |status=sent|exit status 0"
)
WEAK = ("error", "warning")
"""Kinds that a busy server may log at any time: they are quoted, but tie no failures together."""


def cause(lines: Iterable[str]) -> Cause | None:
    """Return the cause that the lines of a log name, the latest line of the strongest kind."""
    parsed = [made for line in lines if (made := LINE.fullmatch(line.strip()))]
    texts = [(made["program"], made["text"]) for made in parsed if not NOISE.search(made["text"])]
    for kind, pattern in PATTERNS:
        for program, text in reversed(texts):
            if found := pattern.search(text):
                groups = found.groupdict()
                subject = groups.get("subject") or groups.get("other")
                server = program.partition("/")[0]
                return Cause(kind, subject or f"{server} {_plain(text)}", f"{program}: {text}")
    return None


def _plain(text: str) -> str:
    """Return a text without what differs from one occurrence to the next."""
    text = re.sub(r"(?:[0-9A-F]{8,}|[0-9A-Za-z]{12,}): ", "", text)
    return re.sub(r"\d+", "#", text)


def throttled(lines: Iterable[str]) -> bool:
    """Return whether Postfix starts one of its programs again only after a minute (master(8))."""
    return any("bad command startup -- throttling" in line for line in lines)


def last_words(text: str) -> str:
    """Return the line that tells why a service does not run: its last error, or its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # The database logs each login that it refuses, that of its own service's question too.
    lines = [line for line in lines if not re.search("Access denied|Aborted connection", line)]
    worst = [line for line in lines if re.search(r"(?i)fatal|error|panic|masked|denied", line)]
    # Errors of an earlier start have been followed by a good one.
    for line in reversed(lines[-12:]):
        if line in worst:
            return _shortened(line)
    return _shortened(lines[-1]) if lines else ""


def _shortened(line: str) -> str:
    made = LINE.fullmatch(line)
    return (f"{made['program']}: {made['text']}" if made else line)[:300]
