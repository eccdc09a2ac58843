"""Validation of an accounts file.

Only new values are validated: present ones of the host pass as they are. So a file of
`accounts.export` is always accepted again.
"""

from __future__ import annotations

from collections.abc import Callable

from fabfile.model.errors import UsageError
from tasks.accounts import hashes, quotas, transports
from tasks.accounts.accounts_file import Declared, DeclaredUser
from tasks.accounts.addresses import (
    destinations,
    domain_of_ours,
    source_address,
    user_address,
)
from tasks.accounts.state import Accounts


class AccountsValidator:
    """Turns the declared accounts into rows, and collects errors."""

    def __init__(self, present: Accounts, own_name: str) -> None:
        self.present = present
        self.own_name = own_name
        self.problems: list[str] = []

    def rows(self, declared: Declared) -> Accounts:
        """Return the rows that a file asks for; `problems` has its errors then."""
        found = Accounts()
        for name in declared.domains:
            if (key := self._name(name, self.present.domains, self._domain)) is not None:
                found.domains.add(key)
        for name, user in declared.users.items():
            key = self._name(name, self.present.users, lambda text: user_address(text)[0])
            if key is not None and self._is_new(key, found.users):
                found.users[key] = self._stored(key, user)
                try:
                    if number := quotas.size(user.quota):
                        found.quotas[key] = number
                except UsageError as error:
                    self.problems.append(f"{key}: quota: {error.message}")
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
