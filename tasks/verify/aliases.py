"""Chapter "Mail Aliases": mail for root and postmaster goes to a person, who has a mailbox."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tasks.verify.check import Failed, Probe
from tasks.verify.examination import Examination
from tasks.verify.lookup import ALIAS_MAPS, Lookup, result
from tasks.verify.ports import answers
from tasks.verify.session import refused, smtp


def probes(ex: Examination) -> Iterator[Probe]:
    """Yield the checks of /etc/aliases and of where it leads."""
    postmaster = ex.host["postmaster"]
    for name, destination in (("postmaster", "root"), ("root", postmaster)):
        yield Probe(
            f"Mail for {name} goes to {destination}",
            destination,
            partial(_alias, ex, name, destination),
            f"put it into /etc/aliases and make its database: {ex.fab('aliases')}",
        )
    yield Probe(
        f"{postmaster} exists",
        "the address is accepted (250)",
        partial(_exists, ex, postmaster),
        f"its domain is hosted here, so give it a mailbox: {ex.fab(f'user.add {postmaster}')}, or "
        "name another address with the variable postmaster",
        needs=(answers(25),),
    )


def _alias(ex: Examination, name: str, destination: str) -> str:
    found = result(ex.c, Lookup("postalias", ALIAS_MAPS, name))
    if found.lower() != destination.lower():
        raise Failed(found or "there is no such alias")
    return found


def _exists(ex: Examination, postmaster: str) -> str:
    local, _, domain = postmaster.lower().rpartition("@")
    if domain == ex.host["fqdn"].lower() and local in ("root", "postmaster"):
        raise Failed(f"{domain} is the server itself, whose mail for {local} goes there again")
    with smtp(ex, 25, tls=False) as opened:
        opened.ehlo()
        opened.ask("MAIL", "FROM:<>")
        answer = opened.ask("RCPT", f"TO:<{postmaster}>")
        opened.rset()
    if not refused(answer, "250"):
        raise Failed(answer)
    return answer
