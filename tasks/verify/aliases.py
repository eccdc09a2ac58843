"""Checks "Mail Aliases": mail for root and postmaster goes to an administrator's mailbox."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from fabfile.model.probe import Failed, Probe
from tasks.verify.client import raise_refusal, recipient_answer, refused
from tasks.verify.context import VerifyContext
from tasks.verify.listener import stranger
from tasks.verify.lookup import ALIAS_MAPS, Lookup, Lookups
from tasks.verify.ports import OPEN, answers
from tasks.verify.session import LOOPBACK, smtp
from tasks.verify.tables import TABLES


def probes(ctx: VerifyContext) -> Iterator[Probe]:
    """Yield the checks of /etc/aliases and of where it leads."""
    postmaster = ctx.host["postmaster"]
    aliases = {"postmaster": "root", "root": postmaster}
    lookups = Lookups(ctx.c, [Lookup("postalias", ALIAS_MAPS, name) for name in aliases])
    for name, destination in aliases.items():
        yield Probe(
            leads_to(name, destination),
            destination,
            partial(_alias, lookups, name, destination),
            "put it into /etc/aliases and make its database",
            sections=("aliases",),
            otherwise="it is right in /etc/aliases, so see that alias_maps names it and make "
            f"its database: {ctx.on_host('newaliases && postfix reload')}",
        )
    own = f"postmaster@{ctx.host['fqdn']}"
    yield Probe(
        strangers_can_write(ctx),
        "the address is accepted (250)",
        partial(_takes, ctx, own),
        "mydestination decides this",
        needs=(*TABLES, answers(25), OPEN),
        sections=("postfix",),
    )
    yield Probe(
        f"{postmaster} exists",
        "the address is accepted (250)",
        partial(_exists, ctx, postmaster),
        "name another address with the variable postmaster, or, since its domain is hosted here, "
        "give it a mailbox",
        needs=(*TABLES, answers(25)),
        otherwise=ctx.fab(f"user.add {postmaster}"),
    )


def leads_to(name: str, destination: str) -> str:
    """Return the name of the check of an alias, which others need."""
    return f"Mail for {name} goes to {destination}"


def strangers_can_write(ctx: VerifyContext) -> str:
    """Return the name of the check that the server takes mail for itself, which others need."""
    return f"Strangers can write to postmaster@{ctx.host['fqdn']}"


def _alias(lookups: Lookups, name: str, destination: str) -> str:
    found = lookups.result(Lookup("postalias", ALIAS_MAPS, name))
    if found.lower() != destination.lower():
        raise Failed(found or "there is no such alias")
    return found


def _exists(ctx: VerifyContext, postmaster: str) -> str:
    local, _, domain = postmaster.lower().rpartition("@")
    if domain == ctx.host["fqdn"].lower() and local in ("root", "postmaster"):
        raise Failed(f"{domain} is the server itself, whose mail for {local} goes there again")
    return _takes(ctx, postmaster, LOOPBACK)


def _takes(ctx: VerifyContext, recipient: str, address: str | None = None) -> str:
    """Return the answer to a recipient, asked from an address: a stranger's, unless given."""
    address = address or stranger(ctx.states, ctx.host["mynetworks"]) or LOOPBACK
    with smtp(ctx, 25, tls=False, address=address) as opened:
        answer = recipient_answer(opened, "", recipient)
    if not refused(answer, "250"):
        raise_refusal(answer)
    return answer
