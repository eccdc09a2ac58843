"""Why a check failed: the line of the log that names the cause, and a remedy that works.

One cause gives one failure. Further checks that fail for it were not reached: they name the first.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

from fabfile.engine.deploy import survey_host
from fabfile.engine.plan import Plan
from fabfile.model import shell
from fabfile.model.errors import MailfabError
from fabfile.model.probe import Probe
from fabfile.model.redact import redact
from fabfile.report.check import Check, Outcome
from fabfile.report.recorder import Recorder
from tasks.guide import GUIDE
from tasks.mysql import DATABASE_NAMES
from tasks.services import postfix_version
from tasks.verify.context import VerifyContext, ask
from tasks.verify.log import HELPERS, LOG, LOG_START, WEAK, Cause, cause, throttled
from tasks.verify.probe import not_reached
from tasks.verify.services import runs
from tasks.verify.trace import DELIVER_LOG

VAGUE = re.compile(
    r"(?:\S+: )?4\d\d |the server closed|no answer in time|TLS failed|.*nothing answers"
    r"|refused the connection|.*(?:status=deferred|UNAVAILABLE|SYS/TEMP|[Tt]emporar|try again"
    r"|AUTHENTICATIONFAILED|authentication failed|\[AUTH\]|postmap: |postalias: "
    r"|rejects the login|no file within|forwarding)"
)
"""What a check sees that says that something failed, and not what."""
SECTION = "|".join(section.name for section in GUIDE.sections)


@dataclass
class Diagnosis:
    """What is known of the failures on one host."""

    ctx: VerifyContext
    _told: dict[tuple[str, ...], str] = field(default_factory=dict)
    """The check that failed first, for each cause."""
    _throttled: bool = False
    """Whether Postfix does not start one of its programs for a minute, also after a fix."""
    _read: Counter[str] = field(default_factory=Counter)
    """The lines of the log that were there when a check failed before."""

    def check(self, probe: Probe, group: str, seen: str, given: str = "") -> Check:
        """Return the check of a probe that failed. `given` is a remedy of the error itself."""
        found = self._cause(seen)
        keys: list[tuple[str, ...]] = []
        if found and found.kind not in WEAK:
            keys.append((found.kind, found.subject))
        if VAGUE.match(seen):
            keys.append(("seen", *probe.sections[:1], _plain(seen)))
        for key in keys:
            if first := self._told.get(key):
                text = not_reached(first)
                return Check(probe.name, group, probe.expected, text, Outcome.SKIPPED)
        self._told.update(dict.fromkeys(keys, probe.name))
        if found and found.line not in seen:
            seen = f"{seen}; the log says: {redact(found.line, ())[:400]}"
        remedy = self.remedy(probe, found, given)
        if self._throttled and "fab " in remedy:
            # Only a new master process starts them at once.
            remedy += f" && {self.ctx.restart('postfix')}"
        elif probe.name == runs(DATABASE_NAMES(self.ctx.host).service):
            # A table turns to a server that was away again after a minute only (mysql_table(5)).
            remedy += f" && {self.ctx.on_host('postfix reload')}"
        return Check(probe.name, group, probe.expected, seen, Outcome.FAILED, remedy)

    def _cause(self, seen: str) -> Cause | None:
        """Return what the log names: its new lines, else all since verify began."""
        if not VAGUE.match(seen):
            return None
        try:
            lines = self._lines()
        except MailfabError:
            return None
        self._throttled = throttled(lines)
        new = list((Counter(lines) - self._read).elements())
        self._read = Counter(lines)
        found = cause(new)
        return found if found and found.kind not in WEAK else cause(lines) or found

    def _lines(self) -> list[str]:
        keys = {key: None for fact, key in self.ctx.states if fact == LOG_START.name}
        states = ask(self.ctx.c, {LOG: keys})
        return str(states.get((LOG.name, ""), {"text": ""})["text"]).split("\n")

    def remedy(self, probe: Probe, found: Cause | None = None, given: str = "") -> str:
        """Return what to do about a failure; it ends with a command where there is one."""
        if found and (special := self._special(probe, found)):
            return special
        text = self._without_sections(given) if given else probe.remedy
        if given and (text == given or not probe.sections):
            return text
        return "; ".join(filter(None, (text, self._deploy(probe) or self._otherwise(probe))))

    def _deploy(self, probe: Probe) -> str:
        """Return the command that makes the changes of a plan; empty if there are none."""
        if not probe.sections:
            return ""
        if isinstance(self._plan, MailfabError):
            return self._plan.remedy
        parts = {part.section.name: part for part in self._plan.sections if part.batch}
        mine = [name for name in probe.sections if name in parts] or list(parts)
        if not mine:
            return ""
        titles = [change.resource.title for name in mine for change in parts[name].changes]
        more = f" and {len(titles) - 1} more" if titles[1:] else ""
        what = f"{titles[0]}{more} would change" if titles else "a restart is due"
        return f"{what}: {self.ctx.fab(mine[0] if len(mine) == 1 else 'deploy')}"

    def _otherwise(self, probe: Probe) -> str:
        """Return the remedy where a deploy would change nothing."""
        if probe.otherwise is not None:
            return probe.otherwise
        services = [s.name for s in self.ctx.services if s.name in probe.sections]
        if not services:
            return "a deploy would change nothing" if probe.sections else ""
        return (
            f"a deploy would change nothing, so a restart may help: {self.ctx.restart(*services)}"
        )

    def _without_sections(self, text: str) -> str:
        """Return a remedy without the commands of sections that would change nothing."""
        planned: set[str] = set()
        if not isinstance(self._plan, MailfabError):
            planned = {part.section.name for part in self._plan.sections if part.batch}

        def kept(found: re.Match[str]) -> str:
            name = found["section"]
            return found[0] if name in planned or (name == "deploy" and planned) else ""

        pattern = (
            r"[:;,]? *(?:see what differs[^:;]*: *)?"
            rf"fab -H \S+ (?P<section>{SECTION}|deploy|plan)(?:\.plan)?\b"
        )
        return re.sub(pattern, kept, text)

    @cached_property
    def _plan(self) -> Plan | MailfabError:
        """What a deploy would change, asked once a check has failed; or why that is unknown."""
        c = self.ctx.c
        try:
            silent = Recorder(c.target.name, lambda event: None)
            return survey_host(GUIDE, GUIDE.sections, c.target, c, silent).plan()
        except MailfabError as error:
            return error

    def _special(self, probe: Probe, found: Cause) -> str:
        """Return the remedy for a cause that is not mailfab's to change; empty for any other."""
        match found.kind:
            case "local" if not self._deploy(probe):
                edit = "postconf -e mailbox_size_limit=0 && postfix reload"
                return f"local(8) refuses to work with these limits: {self.ctx.on_host(edit)}"
            case "permission" if found.subject == DELIVER_LOG:
                # -h: root follows no link in a folder of vmail's.
                own = f"chown -h vmail:vmail {shell.quote(DELIVER_LOG)}"
                return f"vmail must be able to write it: {self.ctx.on_host(own)}"
            case "disk":
                du = f"du -xk --max-depth=2 {DISK} | sort -n | tail"
                return f"free space on the disk; what fills it: {self.ctx.on_host(du)}"
            case "milter":
                text = f"start the mail filter (milter) behind {found.subject}"
                return self._start(text, "milter_default_action=accept")
            case "policy" if postfix_version(self.ctx.host) >= (3,):
                text = f"start the policy server behind {found.subject}"
                action = "smtpd_policy_service_default_action=DUNNO"
                return self._start(text, action)
            case "policy":
                text = f"start the policy server behind {found.subject}"
                words = f"check_policy_service [a-z]*:{found.subject}".replace("/", r"\/")
                edit = f"sed -i 's/,* *{words}//' /etc/postfix/main.cf && postfix reload"
                return f"{text}, or ask it no more: {self.ctx.on_host(edit)}"
            case "filter":
                text = f"start the content filter behind {found.subject}"
                return self._start(text, "content_filter=")
        return ""

    def _start(self, text: str, setting: str = "") -> str:
        """Return how to start a program beside Postfix, or else how to do without it."""
        states = ask(self.ctx.c, {HELPERS: {"": None}})
        stopped = [key for fact, key in states if fact == HELPERS.name]
        if stopped:
            return f"{text}: {self.ctx.start(*stopped)}"
        if not setting:
            return f"{text}, or take it out of main.cf"
        edit = f"postconf -e {setting} && postfix reload"
        return f"{text}; until it runs, let mail pass without it: {self.ctx.on_host(edit)}"


DISK = "/var /home"


def _plain(text: str) -> str:
    """Return an answer without addresses and numbers."""
    return re.sub(r"\d+", "#", re.sub(r"<[^>]*>", "<>", text))[:200]
