"""What separates the accounts that a file declares from those of a host.

Only what would be written is judged: what a host has already, however odd, passes as it is. So what
`accounts.export` has written is always accepted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fabfile.errors import UsageError
from tasks.accounts import expansion, hashes, transports
from tasks.accounts.addresses import (
    destinations,
    domain_of_ours,
    source_address,
    user_address,
)
from tasks.accounts.notation import Declared, DeclaredUser
from tasks.accounts.state import Accounts, domain_of, joined

SHOWN = 20
"""How many lines of each kind, and how many mistakes, are shown."""


@dataclass(frozen=True)
class Difference:
    """The rows to write, those to remove, and how the host was before."""

    present: Accounts
    write: Accounts
    remove: Accounts

    def __len__(self) -> int:
        return len(self.write) + len(self.remove)

    def lines(self) -> Iterator[str]:
        """Yield what would change, for people; no hash is shown."""
        before, new, gone = self.present, self.write, self.remove
        users = dict.fromkeys(new.users, "")
        for user, stored in new.users.items():
            if user in before.users:
                users[user] = _password(before.users[user], stored)
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

    def mail_removed(self) -> list[str]:
        """Return the domains and users whose mail goes: users of such a domain go with it."""
        gone = self.remove
        users = [user for user in gone.users if domain_of(user) not in gone.domains]
        return [*sorted(gone.domains), *sorted(users)]


def _password(before: str, after: str) -> str:
    found = []
    if hashes.enabled(before) != hashes.enabled(after):
        found.append("another password")
    if hashes.is_disabled(before) != hashes.is_disabled(after):
        found.append("disabled" if hashes.is_disabled(after) else "enabled")
    return f": {', '.join(found)}"


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


class _Judge:
    """Turns what is declared into rows, and collects what is wrong with it."""

    def __init__(self, present: Accounts, own_name: str) -> None:
        self.present = present
        self.own_name = own_name
        self.problems: list[str] = []

    def rows(self, declared: Declared) -> Accounts:
        found = Accounts()
        for name in declared.domains:
            if (key := self._name(name, self.present.domains, self._domain)) is not None:
                found.domains.add(key)
        for name, user in declared.users.items():
            key = self._name(name, self.present.users, lambda text: user_address(text)[0])
            if key is not None and self._is_new(key, found.users):
                found.users[key] = self._stored(key, user)
        for name, to in declared.forwardings.items():
            known = self.present.forwardings
            key = self._name(name, known, lambda text: source_address(text)[0])
            if key is not None and self._is_new(key, found.forwardings):
                found.forwardings[key] = self._destinations(key, to)
        for name, way in declared.transports.items():
            key = self._name(name, self.present.transports, transports.key)
            if key is not None and self._is_new(key, found.transports):
                if self.present.transports.get(key) != way:
                    self._tried(transports.route, way)
                found.transports[key] = way
        return found

    def _name(self, text: str, present: object, rule: Callable[[str], str]) -> str | None:
        assert isinstance(present, set | dict)
        return text.lower() if text.lower() in present else self._tried(rule, text)

    def _tried(self, rule: Callable[[str], str], text: str) -> str | None:
        try:
            return rule(text)
        except UsageError as error:
            self.problems.append(error.message)
            return None

    def _is_new(self, key: str, found: object) -> bool:
        assert isinstance(found, dict)
        if key in found:
            self.problems.append(f"{key} stands twice, in different spellings")
        return key not in found

    def _domain(self, text: str) -> str:
        if (name := domain_of_ours(text)) == self.own_name:
            raise UsageError(f"{name} is the server's own name, whose mail is for local accounts")
        return name

    def _stored(self, key: str, user: DeclaredUser) -> str:
        present = self.present.users.get(key)
        stored = user.stored(present)
        new = user.password
        if new not in (None, hashes.NONE, None if present is None else hashes.enabled(present)):
            try:
                hashes.given(str(new))
            except UsageError as error:
                self.problems.append(f"{key}: {error.message}")
        return stored

    def _destinations(self, key: str, to: tuple[str, ...]) -> tuple[str, ...]:
        if self.present.forwardings.get(key) == to:
            return to
        try:
            return destinations(", ".join(to), key)
        except UsageError as error:
            self.problems.append(f"{key}: {error.message}")
            return to


def compare(declared: Declared, present: Accounts, own_name: str, *, prune: bool) -> Difference:
    """Return what to do; UsageError that lists what is wrong with the file.

    Without `prune`, what the file does not name stays.
    """
    judge = _Judge(present, own_name)
    wanted = judge.rows(declared)
    write = Accounts(
        wanted.domains - present.domains,
        {k: v for k, v in wanted.users.items() if present.users.get(k) != v},
        {k: v for k, v in wanted.forwardings.items() if present.forwardings.get(k) != v},
        {k: v for k, v in wanted.transports.items() if present.transports.get(k) != v},
    )
    remove = Accounts()
    if prune:
        remove = Accounts(
            present.domains - wanted.domains,
            {k: v for k, v in present.users.items() if k not in wanted.users},
            {k: v for k, v in present.forwardings.items() if k not in wanted.forwardings},
            {k: v for k, v in present.transports.items() if k not in wanted.transports},
        )
    found = Difference(present, write, remove)
    judge.problems += _contradictions(found)
    if judge.problems:
        more = len(judge.problems) - SHOWN
        raise UsageError(
            "these accounts cannot be:"
            + "".join(f"\n      {problem}" for problem in judge.problems[:SHOWN])
            + (f"\n      and {more} more" if more > 0 else ""),
            "nothing was changed",
        )
    return found


def _contradictions(found: Difference) -> Iterator[str]:
    """Yield what would not fit together afterwards, and does now."""
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
        # A flaw of old is for user.audit.
        if (flaws := expansion.flaws(after, source)) and (
            source in write.forwardings or not expansion.flaws(before, source)
        ):
            yield f"mail for {source} would get nowhere: {flaws[0]}"
