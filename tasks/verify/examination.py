"""All checks of one host, in the order of the guide, and the cleaning up after them."""

from __future__ import annotations

import pkgutil
from collections.abc import Generator
from contextlib import closing

from fabfile.fleet.host_connection import HostConnection
from fabfile.model.probe import Probe
from fabfile.report.check import Check
from tasks.guide import GUIDE
from tasks.verify import temporary
from tasks.verify.context import VerifyContext, verify_context
from tasks.verify.diagnosis import Diagnosis
from tasks.verify.probe import perform


def examine(c: HostConnection) -> Generator[Check, None, None]:
    """Yield each check as it is made. Close the generator to clean up early."""
    ctx = verify_context(c)
    diagnosis = Diagnosis(ctx)
    done: dict[str, Check] = {}
    clean = False
    try:
        for group in GUIDE.check_groups(ctx.host):
            for probe in pkgutil.resolve_name(group.probes)(ctx):
                done[probe.name] = perform(probe, group.name, done, diagnosis.check)
                yield done[probe.name]
        clean = True
        yield perform(_cleaning(ctx), "Cleaning up", done)
    finally:
        if not clean:
            perform(_cleaning(ctx), "Cleaning up", done)


def _cleaning(ctx: VerifyContext) -> Probe:
    return Probe(
        "Nothing of the test stays behind",
        "no rows, no files, no queued mail",
        lambda: _clean_up(ctx),
        f"the next {ctx.fab('verify')} after an hour removes it, or: DELETE the rows of "
        f"{ctx.accounts.domain} and /home/vmail/{ctx.accounts.domain}",
    )


def _clean_up(ctx: VerifyContext) -> str:
    """Remove the rows first: nothing can be delivered then to what is removed after them."""
    old = [key for fact, key in ctx.states if fact == "leftovers" and temporary.stale(key)]
    try:
        rows = temporary.remove_rows(ctx.c, ctx.accounts.domain) if ctx.may_have_rows else 0
    finally:
        domains = [ctx.accounts.domain, *old]
        temporary.remove_mail(ctx.c, domains, keep_mailbox=ctx.empty_mailbox)
    return f"{rows} rows and the mail removed"


def run(c: HostConnection) -> list[Check]:
    """Make all checks of a host and return them."""
    with closing(examine(c)) as checks:
        return list(checks)
