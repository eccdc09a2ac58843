"""Where mail for an address ends up: virtual aliases, expanded as Postfix does (virtual(5)).

An address is looked up as a whole among the forwardings, then among the users, then without its
tag; only then does its domain's catch-all count. So a user comes before a catch-all.
"""

from __future__ import annotations

from collections.abc import Iterator

from tasks.accounts.addresses import without_tag
from tasks.accounts.state import Accounts, domain_of


def lookup(accounts: Accounts, address: str) -> tuple[str, ...]:
    """Return what Postfix's virtual_alias_maps answer to an address; nothing if it is in none."""
    for name in dict.fromkeys((address, without_tag(address))):
        if name in accounts.forwardings:
            return accounts.forwardings[name]
        if name in accounts.users:
            return (name,)
    local, _, domain = address.rpartition("@")
    rest = accounts.forwardings.get(f"@{domain}", ())
    return tuple(f"{local}{to}" if to.startswith("@") else to for to in rest)


def flaws(accounts: Accounts, source: str) -> list[str]:
    """Return why mail for a forwarded address arrives nowhere: loops and unknown addresses."""
    # No address begins with a star.
    start = f"*{source}" if source.startswith("@") else source
    return list(dict.fromkeys(_flaws(accounts, start, (start,), {start})))


def _flaws(
    accounts: Accounts, address: str, path: tuple[str, ...], seen: set[str]
) -> Iterator[str]:
    for target in lookup(accounts, address):
        way = " > ".join((*path, target))
        if target == address:
            # Postfix takes an address that leads to itself as the end: a copy stays in the mailbox.
            if without_tag(target) not in accounts.users:
                yield f"{way}: there is no user {target}"
        elif target in path:
            yield f"{way} is a loop"
        elif not lookup(accounts, target):
            if domain_of(target) in accounts.domains:
                yield f"{way}: there is no user {target}, and no forwarding"
        elif target not in seen:
            seen.add(target)
            yield from _flaws(accounts, target, (*path, target), seen)
