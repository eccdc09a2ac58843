"""All accounts of a host as one value, from the database or from a file.

Commands that change one thing read a few rows. Comparisons and chains of forwardings need all rows
at once, which takes one or two seconds for ten thousand users.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

TEMPORARY = "mailfab-verify-"
"""The prefix of the temporary domains of `verify`."""


@dataclass
class Accounts:
    """Domains, users with their stored passwords, forwardings, transports; in lower case."""

    domains: set[str] = field(default_factory=set)
    users: dict[str, str] = field(default_factory=dict, repr=False)
    forwardings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    transports: dict[str, str] = field(default_factory=dict)
    quotas: dict[str, int] = field(default_factory=dict)
    """Of the users that have one, in bytes."""

    def __len__(self) -> int:
        return len(self.domains) + len(self.users) + len(self.forwardings) + len(self.transports)

    def in_words(self) -> str:
        """Return how much it is."""
        counts = (
            (len(self.domains), "domains"),
            (len(self.users), "users"),
            (len(self.forwardings), "forwardings"),
            (len(self.transports), "transports"),
        )
        return ", ".join(f"{count} {noun}" for count, noun in counts if count)

    def of_domain(self, domain: str) -> Accounts:
        """Return the rows that are removed with a domain."""

        def inside(name: str) -> bool:
            return domain_of(name) == domain

        return Accounts(
            self.domains & {domain},
            {user: stored for user, stored in self.users.items() if inside(user)},
            {name: to for name, to in self.forwardings.items() if inside(name)},
            {name: to for name, to in self.transports.items() if inside(name)},
            {user: quota for user, quota in self.quotas.items() if inside(user)},
        )

    def of_user(self, user: str) -> Accounts:
        """Return the rows that are removed with a user; empty if there is no such user."""
        if user not in self.users:
            return Accounts()
        return Accounts(
            users={user: self.users[user]},
            forwardings={user: self.forwardings[user]} if user in self.forwardings else {},
            transports={user: self.transports[user]} if user in self.transports else {},
            quotas={user: self.quotas[user]} if user in self.quotas else {},
        )

    def leading_to(self, gone: Accounts) -> list[str]:
        """Return the remaining forwardings that lead to a removed address."""
        lost = gone.users.keys() | gone.forwardings.keys()
        return sorted(
            source
            for source, to in self.forwardings.items()
            if source not in gone.forwardings and lost.intersection(to)
        )


def domain_of(name: str) -> str:
    """Return the domain of an address, a catch-all, or a key of the table of transports."""
    return name.rpartition("@")[2].lstrip(".")


def split(text: str) -> tuple[str, ...]:
    """Return the destinations in a row of `forwardings`, as Postfix splits them."""
    return tuple(text.replace(",", " ").lower().split())


def joined(destinations: Iterable[str]) -> str:
    """Return destinations as a row holds them."""
    return ", ".join(destinations)
