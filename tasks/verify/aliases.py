"""Checks "Mail Aliases": mail for root and postmaster goes to an administrator's mailbox."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from fabfile.model.probe import Failed, Probe
from tasks.verify.client import recipient_answer, refused
from tasks.verify.context import VerifyContext
from tasks.verify.listener import stranger
from tasks.verify.lookup import ALIAS_MAPS, Lookup, Lookups
from tasks.verify.ports import answers
from tasks.verify.session import LOOPBACK, smtp


def probes(ctx: VerifyContext) -> Iterator[Probe]:
    """Yield the checks of /etc/aliases and of where it leads."""
    postmaster = ctx.host["postmaster"]
    aliases = {"postmaster": "root", "root": postmaster}
    lookups = Lookups(ctx.c, [Lookup("postalias", ALIAS_MAPS, name) for name in aliases])
    for name, destination in aliases.items():
        yield Probe(
            f"Mail for {name} goes to {destination}",
            destination,
            partial(_alias, lookups, name, destination),
            f"put it into /etc/aliases and make its database: {ctx.fab('aliases')}",
        )
    own = f"postmaster@{ctx.host['fqdn']}"
    yield Probe(
        f"Strangers can write to {own}",
        "the address is accepted (250)",
        partial(_takes, ctx, own),
        f"mydestination decides this: {ctx.fab('postfix')}",
        needs=(answers(25),),
    )
    yield Probe(
        f"{postmaster} exists",
        "the address is accepted (250)",
        partial(_exists, ctx, postmaster),
        f"its domain is hosted here, so give it a mailbox: {ctx.fab(f'user.add {postmaster}')}, or "
        "name another address with the variable postmaster",
        needs=(answers(25),),
    )


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
        raise Failed(answer)
    return answer
