"""The difference between a host's accounts and a file: rows to write, and rows to remove."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fabfile.model.errors import UsageError
from tasks.accounts import expansion, hashes, quotas
from tasks.accounts.accounts_file import Declared
from tasks.accounts.state import Accounts, domain_of, joined
from tasks.accounts.validation import AccountsValidator

SHOWN = 20
"""Maximum number of lines of each kind, and of errors, to show."""


@dataclass(frozen=True)
class Difference:
    """The rows to write, those to remove, and how the host was before."""

    present: Accounts
    write: Accounts
    remove: Accounts

    def __len__(self) -> int:
        # The quota of a user who is changed or removed anyway is not counted again.
        return len(self.write) + len(self.write.quotas.keys() - self.write.users) + len(self.remove)

    def lines(self) -> Iterator[str]:
        """Yield the changes as lines, without hashes."""
        before, new, gone = self.present, self.write, self.remove
        users = {user: self._about(user) for user in (*new.users, *new.quotas)}
        yield from _some("domain", before.domains, dict.fromkeys(sorted(new.domains), ""))
        yield from _some("user", before.users, users)
        ways = {source: f": {joined(to)}" for source, to in new.forwardings.items()}
        yield from _some("forwarding", before.forwardings, ways)
        ways = {name: f": {to}" for name, to in new.transports.items()}
        yield from _some("transport", before.transports, ways)
        for noun, names in (
            ("domain", gone.domains),
            ("user", gone.users),
            ("forwarding", gone.forwardings),
            ("transport", gone.transports),
        ):
            yield from _few([f"  - {noun} {name}" for name in sorted(names)])

    def _about(self, user: str) -> str:
        """Return the changes of a user in words."""
        found = []
        if user in self.present.users and user in self.write.users:
            before, after = self.present.users[user], self.write.users[user]
            if hashes.enabled(before) != hashes.enabled(after):
                found.append("another password")
            if hashes.is_disabled(before) != hashes.is_disabled(after):
                found.append("disabled" if hashes.is_disabled(after) else "enabled")
        if user in self.write.quotas:
            limit = self.write.quotas[user]
            found.append(f"quota {quotas.written(limit)}" if limit else "no quota")
        return f": {', '.join(found)}" if found else ""

    def mail_removed(self) -> list[str]:
        """Return the domains and users whose mail goes: users of such a domain go with it."""
        gone = self.remove
        users = [user for user in gone.users if domain_of(user) not in gone.domains]
        return [*sorted(gone.domains), *sorted(users)]


def _some(noun: str, before: object, names: dict[str, str]) -> Iterator[str]:
    assert isinstance(before, set | dict)
    for sign, chosen in (
        ("+", [name for name in names if name not in before]),
        ("~", [name for name in names if name in before]),
    ):
        yield from _few([f"  {sign} {noun} {name}{names[name]}" for name in sorted(chosen)])


def _few(lines: list[str]) -> Iterator[str]:
    yield from lines[:SHOWN]
    if len(lines) > SHOWN:
        yield f"    and {len(lines) - SHOWN} more like these"


def compare(declared: Declared, present: Accounts, own_name: str, *, prune: bool) -> Difference:
    """Return what to do; UsageError that lists what is wrong with the file.

    Without `prune`, what the file does not name stays.
    """
    validator = AccountsValidator(present, own_name)
    wanted = validator.rows(declared)
    write = Accounts(
        wanted.domains - present.domains,
        {k: v for k, v in wanted.users.items() if present.users.get(k) != v},
        {k: v for k, v in wanted.forwardings.items() if present.forwardings.get(k) != v},
        {k: v for k, v in wanted.transports.items() if present.transports.get(k) != v},
        {
            user: wanted.quotas.get(user, 0)
            for user in wanted.users
            if wanted.quotas.get(user, 0) != present.quotas.get(user, 0)
        },
    )
    remove = Accounts()
    if prune:
        remove = Accounts(
            present.domains - wanted.domains,
            {k: v for k, v in present.users.items() if k not in wanted.users},
            {k: v for k, v in present.forwardings.items() if k not in wanted.forwardings},
            {k: v for k, v in present.transports.items() if k not in wanted.transports},
            {k: v for k, v in present.quotas.items() if k not in wanted.users},
        )
    found = Difference(present, write, remove)
    validator.problems += _contradictions(found)
    if validator.problems:
        more = len(validator.problems) - SHOWN
        raise UsageError(
            "these accounts cannot be:"
            + "".join(f"\n      {problem}" for problem in validator.problems[:SHOWN])
            + (f"\n      and {more} more" if more > 0 else ""),
            "nothing was changed",
        )
    return found


def _contradictions(found: Difference) -> Iterator[str]:
    """Yield what would be inconsistent afterwards, and is consistent now."""
    before, write, remove = found.present, found.write, found.remove
    after = Accounts(
        (before.domains | write.domains) - remove.domains,
        {k: v for k, v in {**before.users, **write.users}.items() if k not in remove.users},
        {
            k: v
            for k, v in {**before.forwardings, **write.forwardings}.items()
            if k not in remove.forwardings
        },
    )
    for name in (*after.users, *after.forwardings):
        new = name in write.users or name in write.forwardings
        domain = domain_of(name)
        if domain not in after.domains and (new or domain in remove.domains):
            yield f"{name}: {domain} is not among the domains"
    if not len(found):
        return
    for source in after.forwardings:
        # user.audit reports flaws that existed before.
        if (flaws := expansion.flaws(after, source)) and (
            source in write.forwardings or not expansion.flaws(before, source)
        ):
            yield f"mail for {source} would get nowhere: {flaws[0]}"
