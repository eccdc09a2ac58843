"""Checks "Lookups": each table answers as Postfix asks it. All ways of a message need them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from fabfile.model.probe import Failed, Probe
from tasks.postfix import MAPS, lookup
from tasks.verify.context import VerifyContext
from tasks.verify.lookup import Lookup, Lookups
from tasks.verify.mysql import ACCOUNTS
from tasks.verify.services import runs


def looks_up(table: str) -> str:
    """Return the name of the check of a table, which others need."""
    return f"Postfix looks up {table}"


TABLES = tuple(looks_up(table) for table in MAPS)
"""The names of all checks here."""


def probes(ctx: VerifyContext) -> Iterator[Probe]:
    """Yield a check for each table."""
    them = ctx.accounts
    user, local = them.imap, them.imap.partition("@")[0]
    tables = (
        ("domains", them.domain, them.domain),
        ("forwardings", them.forwarding, user),
        ("mailboxes", user, f"{them.domain}/{local}/"),
        ("email2email", user, user),
        ("transports", them.domain, ""),
    )
    lookups = Lookups(ctx.c, [Lookup("postmap", lookup(name), key) for name, key, _ in tables])
    for name, key, value in tables:
        yield Probe(
            looks_up(name),
            value or "nothing, without an error",
            partial(_look_up, lookups, Lookup("postmap", lookup(name), key), value),
            "the map file and the parameter that names it must be right",
            needs=(ACCOUNTS, runs("postfix")),
            sections=("postfix", "mysql"),
        )


def _look_up(lookups: Lookups, wanted: Lookup, value: str) -> str:
    found = lookups.result(wanted)
    if found != value:
        raise Failed(found or "nothing is found")
    return found or "nothing"
