"""Guide: "Testing Postfix" and "Set Up and Test Domains and Users", done for real.

Everything goes through the SSH connection, so no port has to be open. Mail is sent to temporary
accounts in a domain of their own; nothing of it stays behind but lines in the logs.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from fabfile.cli.task import fleet_task
from fabfile.fleet.host_connection import HostConnection
from fabfile.report.check import Check, Outcome, counts
from fabfile.report.summary import Summary
from tasks.verify import (
    aliases,
    certificates,
    delivery,
    ehlo,
    mailboxes,
    mysql,
    ports,
    refusals,
    services,
    temporary,
)
from tasks.verify.context import Examination, examination
from tasks.verify.display import lines
from tasks.verify.probe import Probe, perform

CHAPTERS = (
    ("Services", services.probes),
    ("MySQL", mysql.probes),
    ("Ports", ports.probes),
    ("Mail Aliases", aliases.probes),
    ("Testing Postfix", ehlo.probes),
    ("Certificate", certificates.probes),
    ("Domains and Users", delivery.probes),
    ("Test the Mailbox", mailboxes.probes),
    ("Refusals", refusals.probes),
)

__all__ = ["Check", "Outcome", "run", "verify"]


def examine(c: HostConnection) -> Generator[Check, None, None]:
    """Yield each check as it is made. Close the generator to clean up early."""
    ex = examination(c)
    done: dict[str, Check] = {}
    clean = False
    try:
        for chapter, probes in CHAPTERS:
            for probe in probes(ex):
                done[probe.name] = perform(probe, chapter, done)
                yield done[probe.name]
        clean = True
        yield perform(_cleaning(ex), "Cleaning up", done)
    finally:
        if not clean:
            perform(_cleaning(ex), "Cleaning up", done)


def _cleaning(ex: Examination) -> Probe:
    return Probe(
        "Nothing of the test stays behind",
        "no rows, no files, no queued mail",
        lambda: _clean_up(ex),
        f"the next {ex.fab('verify')} after an hour removes it, or: DELETE the rows of "
        f"{ex.accounts.domain} and /home/vmail/{ex.accounts.domain}",
    )


def _clean_up(ex: Examination) -> str:
    """Remove the rows first: nothing can be delivered then to what is removed after them."""
    old = [key for fact, key in ex.states if fact == "leftovers" and temporary.stale(key)]
    try:
        rows = temporary.remove_rows(ex.c, ex.accounts.domain) if ex.may_have_rows else 0
    finally:
        temporary.remove_mail(ex.c, [ex.accounts.domain, *old])
    return f"{rows} rows and the mail removed"


def run(c: HostConnection) -> list[Check]:
    """Make all checks of a host and return them."""
    with closing(examine(c)) as checks:
        return list(checks)


@fleet_task(name="verify")
def verify(c: HostConnection) -> None:
    """Prove that mail flows: send some, and read it."""
    made: list[Check] = []
    chapter = ""
    c.report.phase("verify")
    with closing(examine(c)) as checks:
        for check in checks:
            c.report.busy(f"verify: {check.name}")
            if check.chapter != chapter:
                chapter = check.chapter
                c.report.line(chapter)
            for line in lines(check):
                c.report.line(line)
            c.report.checked(check)
            made.append(check)
            c.report.raise_if_cancelled()
    count = counts(made)
    c.report.summarize(Summary.checked(count["passed"], count["failed"]))
    if count["failed"]:
        c.report.exit_code = 1
